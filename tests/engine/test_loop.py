"""The loop as a whole: how much at once, in which order, and what it must not do while waiting."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from orchestrator.backend import Alive, Finished, NoAnswer, TransientError
from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import RunState
from orchestrator.engine.loop import ACTS_AT_ONCE
from orchestrator.store import database
from tests.engine.bench import Bench
from tests.engine.conftest import NewBench

HOUR = 3600.0


def test_a_job_without_trouble_goes_all_the_way(bench: Bench) -> None:
    """Nothing else matters if this does not work."""
    job = bench.add()
    bench.serve(5.0)
    key = bench.read(job).key
    bench.backend.script["poll"] = [{key: Finished(ok=True, reason="ended well", exit_code=0)}]
    bench.serve(60.0)
    assert bench.job(job)["state"] == "succeeded"
    verbs = [verb for _, verb, _ in bench.backend.calls if verb != "poll"]
    assert verbs == ["submit", "list_outputs", "forget"]
    assert bench.logged == []


def test_acts_on_one_backend_are_bounded(bench: Bench) -> None:
    """A service would get hundreds of calls at the same moment, and lock the account."""
    jobs = [bench.running(bench.add()) for _ in range(3 * ACTS_AT_ONCE)]
    bench.backend.script["poll"] = [1.0] * len(jobs)
    bench.serve(10.0)
    assert bench.backend.most_at_once == ACTS_AT_ONCE
    assert {key for _, _, key in bench.backend.calls} == {work.key for work in jobs}


def test_polls_are_batched(new_bench: NewBench) -> None:
    """A service with a hundred runs would be called a hundred times where once is enough."""
    bench = new_bench(poll_batch=8)
    for _ in range(20):
        bench.running(bench.add())
    bench.serve(0.3)
    at = bench.backend.times("poll")
    assert len(at) == 20
    assert bench.backend.most_at_once <= 3


def test_a_place_that_forgets_is_asked_in_time(new_bench: NewBench) -> None:
    """How an old run ended would be forgotten between two looks, one of them without an answer."""
    bench = new_bench(poll_within=40.0)
    work = bench.running(bench.add(), age=1e6)
    bench.backend.script["poll"] = [{work.key: Alive()}, {work.key: NoAnswer("not now")}]
    bench.serve(HOUR / 4)
    at = bench.backend.times("poll")
    assert len(at) >= 20
    assert max(after - before for before, after in pairwise(at)) <= 41.0


def test_a_hint_that_finds_no_room_is_kept(new_bench: NewBench) -> None:
    """The end of a short run would be seen half a minute late, whenever the daemon is busy."""
    bench = new_bench(hints=True)
    for _ in range(ACTS_AT_ONCE):
        bench.running(bench.add())
    bench.backend.script["poll"] = [3.0] * ACTS_AT_ONCE
    hinted = bench.running(bench.add())
    bench.conn.execute("UPDATE run SET due = 1000 WHERE id = ?", (hinted.run,))
    bench.loop.call_later(1.0, bench.engine.hint, hinted.key)
    bench.serve(20.0)
    assert bench.backend.times("poll", hinted.key)[0] < 5.0


def test_a_run_that_ended_while_the_daemon_was_away_is_seen_at_its_start(
    new_bench: NewBench,
) -> None:
    """After a restart or an upgrade, what had ended meanwhile would be seen half a minute late."""
    bench = new_bench(hints=True)
    work = bench.running(bench.add())
    bench.conn.execute("UPDATE run SET due = 1000000 WHERE id = ?", (work.run,))
    bench.serve(1.0)
    assert bench.backend.times("poll", work.key)[0] < 0.1


def test_a_hint_during_a_poll_brings_another(new_bench: NewBench) -> None:
    """A run that ended while its poll was under way would be seen half a minute late."""
    bench = new_bench(hints=True)
    work = bench.running(bench.add())
    bench.backend.script["poll"] = [3.0]
    bench.loop.call_later(1.0, bench.engine.hint, work.key)
    bench.serve(20.0)
    first, second, *_ = bench.backend.times("poll")
    assert first < 1.0
    assert 3.0 <= second < 4.0


def test_a_held_job_is_left_alone_and_goes_on_when_released(bench: Bench) -> None:
    """A person who holds a job to look at it would see it move on."""
    work = bench.running(bench.add())
    bench.ask(Verb.HOLD, work.job)
    bench.serve(HOUR)
    assert bench.backend.calls == []

    bench.ask(Verb.RELEASE, work.job)
    bench.serve(60.0)
    assert bench.backend.times("poll") != []


def test_one_job_that_waits_for_a_person_does_not_stop_a_backend(new_bench: NewBench) -> None:
    """A backend with one slot would stand still for days because of one file that changed."""
    bench = new_bench(max_runs=1, absence_window=None)
    held = bench.unknown(bench.add()).job
    bench.serve(HOUR)
    assert bench.job(held)["want"] == "hold"

    other = bench.add()
    bench.serve(60.0)
    assert bench.state(other) is RunState.RUNNING


def test_a_slot_is_a_slot(new_bench: NewBench) -> None:
    """More programs than the person allowed would fight for the machine's memory."""
    bench = new_bench(max_runs=2)
    for _ in range(5):
        bench.add()
    bench.serve(60.0)
    assert len(bench.backend.times("submit")) == 2


def test_an_outage_brings_no_storm_and_nothing_is_late_after_it(new_bench: NewBench) -> None:
    """Retries would make the outage worse, and the end of it would not be noticed for long."""
    quiet, down = (new_bench(poll_batch=10) for _ in range(2))
    for bench in (quiet, down):
        for _ in range(40):
            bench.running(bench.add(), age=HOUR)
        bench.serve(600.0)
        bench.backend.calls.clear()
    down.backend.always["poll"] = lambda: TransientError("the service is down", effect="none")
    quiet.serve(HOUR)
    down.serve(HOUR)
    assert len(down.backend.calls) <= 1.1 * len(quiet.backend.calls)

    down.backend.always.clear()
    down.backend.calls.clear()
    down.serve(330.0)  # the slowest poll, with its jitter
    assert len({key for _, _, key in down.backend.calls}) == 40


def test_waiting_costs_next_to_nothing(bench: Bench) -> None:
    """A daemon with nothing to do, or a job for a backend that is gone, would heat the room."""
    bench.add(backend="elsewhere")
    held = bench.running(bench.add())
    bench.ask(Verb.HOLD, held.job)
    bench.serve(HOUR)
    assert bench.engine.turns <= HOUR / 30 + 5
    assert bench.backend.calls == []


def test_a_failing_disk_ends_the_engine(bench: Bench) -> None:
    """The daemon would go on with a queue of which nobody knows what is on the disk."""

    async def fail(_: object) -> None:
        raise FatalStorageError("the disk is gone")

    bench.add()
    bench.db._hop = fail
    with pytest.raises(ExceptionGroup) as raised:
        bench.serve(60.0)
    assert raised.group_contains(FatalStorageError)


def test_a_hint_is_not_lost_on_a_full_disk(new_bench: NewBench) -> None:
    """A run that ended while the disk was full would be seen half a minute after there is room."""
    bench = new_bench(hints=True)
    work = bench.running(bench.add())
    bench.backend.script["poll"] = [
        {work.key: Alive()},
        *[{work.key: Finished(ok=True, reason="ended", exit_code=0)}] * 9,
    ]
    bench.loop.call_later(1.0, _fill, bench)
    bench.loop.call_later(2.0, bench.engine.hint, work.key)
    bench.loop.call_later(14.0, _make_room, bench)
    bench.serve(20.0)
    assert bench.job(work.job)["state"] == "succeeded"
    assert bench.logged == ["warning: paused: the disk is full"], "once, and as no other fault"


def _fill(bench: Bench) -> None:
    async def full(fn: Callable[[], object]) -> object:
        if getattr(fn, "func", None) is database._commit:
            raise DiskFullError("no space left")
        return await bench._hop(fn)

    bench.db._hop = full


def _make_room(bench: Bench) -> None:
    bench.db._hop = bench._hop


def test_nothing_begins_while_something_is_lacking(bench: Bench) -> None:
    """On a disk without room for results, job after job would run and fail to leave any."""
    ended = bench.running(bench.add())
    waiting = bench.add()
    bench.tools.lacks = lambda: "room on the disk"
    bench.backend.script["poll"] = [
        {ended.key: Finished(ok=True, reason="ended", exit_code=0)},
    ]
    bench.serve(HOUR)
    assert bench.job(ended.job)["state"] == "succeeded"  # what had begun goes on
    assert bench.job(waiting)["state"] == "queued"
    assert bench.engine.turns <= HOUR / 30 + 20, "it waits without turning and turning"
    bench.tools.lacks = lambda: None
    bench.serve(60.0)
    assert bench.state(waiting) is RunState.RUNNING
