"""A submit that first sets something up over there: what it must know is kept before it starts."""

from pathlib import Path

import pytest

from orchestrator.backend import Absent, Begun, Submitted, TransientError
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, RunState
from orchestrator.core.work import Change, Work
from orchestrator.engine.submit import find
from orchestrator.store import look, restored
from tests.engine.bench import Bench
from tests.engine.conftest import NewBench

BEFORE = {"before": 56}
PROVED = Absent("its start was never asked for", proved=True)


def in_doubt(bench: Bench) -> Work:
    """Return a run whose submit was not answered."""
    return bench.unknown(bench.add())


def test_what_a_submit_must_know_is_kept_before_it_starts_anything(bench: Bench) -> None:
    """A run would be started that nobody could tell from another one after a crash."""
    job = bench.add()
    seen: list[tuple[object, RunState, float]] = []

    def reply() -> object:
        work = bench.read(job)
        seen.append((work.memo, work.state, bench.now().steady))
        return Begun(BEFORE) if len(seen) == 1 else Submitted("57", {**BEFORE, "number": 57})

    bench.backend.always["submit"] = reply
    bench.serve(10.0)
    assert seen == [({}, RunState.SUBMITTING, 0.0), (BEFORE, RunState.SUBMITTING, 0.0)]
    assert [run.memo for run in bench.backend.sent] == [{}, BEFORE]
    work = bench.read(job)
    assert (work.state, work.tries, work.remote_id) == (RunState.RUNNING, 0, "57")
    assert work.memo == {"before": 56, "number": 57}


def test_each_round_of_setting_up_is_two_lines_of_the_history(bench: Bench) -> None:
    """status.log would hide what happens, or be filled by it."""
    job = bench.add()
    bench.backend.script["submit"] = [Begun({"n": 1}), Begun({"n": 2}), None]
    bench.serve(10.0)
    lines = [(str(it.target), it.reason) for it in look.history_of(bench.conn, job)]
    round_ = [
        ("SUBMITTING", "all inputs are there"),
        ("STAGING", "set up over there, and not started yet"),
    ]
    last = [("SUBMITTING", "all inputs are there"), ("RUNNING", "accepted by the backend")]
    assert lines[2:] == round_ + round_ + last


@pytest.mark.parametrize("verb", [Verb.CANCEL, Verb.HOLD])
def test_a_wish_that_comes_while_something_is_set_up_is_noticed(bench: Bench, verb: Verb) -> None:
    """A run would be started, and paid for, that a person had taken back in time."""
    job = bench.add()

    def reply() -> object:
        if len(bench.backend.times("submit")) > 1:
            return None
        bench.ask(verb, job)
        return Begun(BEFORE)

    bench.backend.always["submit"] = reply
    bench.serve(600.0)
    assert len(bench.backend.times("submit")) == 1
    if verb is Verb.CANCEL:
        assert bench.job(job)["state"] == "cancelled"
        assert bench.read(job).reason == "cancelled on request, before it was started"
        assert len(bench.backend.times("forget")) == 1  # what was set up may go
    else:
        assert bench.state(job) is RunState.STAGING
        bench.ask(Verb.RELEASE, job)
        bench.serve(10.0)
        assert bench.state(job) is RunState.RUNNING
    assert bench.read(job).memo == BEFORE


def test_a_job_that_is_held_after_setting_up_is_retried_without_a_look(bench: Bench) -> None:
    """A person would be sent to look for a run of which it is proved that it was not started."""
    job = bench.add()

    def reply() -> object:
        if len(bench.backend.times("submit")) > 1:
            return None
        bench.ask(Verb.HOLD, job)
        return Begun(BEFORE)

    bench.backend.always["submit"] = reply
    bench.serve(10.0)
    assert bench.ask(Verb.RETRY, job) is None
    bench.serve(10.0)
    assert (bench.read(job).number, bench.state(job)) == (2, RunState.RUNNING)
    assert bench.read(job).memo == {}, "what was set up for the other one"


def test_a_set_up_that_never_gets_anywhere_has_a_backoff(bench: Bench) -> None:
    """A service that fails each time after the first half would be hammered, for ever."""
    job = bench.add()
    turns = 0

    def reply() -> object:
        nonlocal turns
        turns += 1
        return Begun({"n": turns}) if turns % 2 else TransientError("it is down", effect="none")

    bench.backend.always["submit"] = reply
    bench.serve(3600.0)
    assert 10 <= len(bench.backend.times("submit")) <= 80
    assert bench.read(job).tries >= 5
    assert bench.read(job).memo["n"] in {turns, turns - 1}


def test_a_submit_that_was_cut_off_is_looked_for_with_what_was_kept(new_bench: NewBench) -> None:
    """After a crash the run would be looked for without what it can be told by."""
    bench = new_bench(absence_window=None)
    intent = Change(event=Event.STAGED, reason="", due=0.0)
    work = bench.move(bench.start(bench.add()), intent)  # and the process ends before the answer
    bench.backend.script["find"] = [PROVED]
    bench.backend.script["submit"] = [Begun(BEFORE), 1e6]
    bench.serve(200.0)  # submitted again, set up, submitted without an answer
    assert [run.memo for run in bench.backend.sent] == [{}, BEFORE]
    assert (bench.state(work.job), bench.read(work.job).memo) == (RunState.UNKNOWN, BEFORE)


@pytest.mark.parametrize("window", [None, 900.0])
def test_what_the_memo_proves_is_proof_at_once(new_bench: NewBench, window: float | None) -> None:
    """A job would wait a quarter of an hour, or for a person, though nothing was asked for."""
    bench = new_bench(absence_window=window)
    work = in_doubt(bench)
    bench.backend.script["find"] = [PROVED]
    bench.run(find(bench.tools, work))
    again = bench.read(work.job)
    assert (again.state, again.tries) == (RunState.STAGING, 1)
    assert again.reason == "provably not started: its start was never asked for"


def test_what_only_the_view_shows_is_no_proof_at_once(new_bench: NewBench) -> None:
    """A run that is not listed yet would be started a second time."""
    bench = new_bench(absence_window=900.0)
    work = in_doubt(bench)
    bench.backend.script["find"] = [Absent("not listed")]
    bench.run(find(bench.tools, work))
    assert bench.state(work.job) is RunState.UNKNOWN


def test_after_a_restore_no_memo_proves_anything(bench: Bench) -> None:
    """The memo is as old as the copy: the start may have been asked for since."""
    work = in_doubt(bench)
    restored.doubt_everything(bench.conn, "restored", bench.now())
    bench.backend.always["find"] = lambda: PROVED
    bench.serve(7200.0)
    assert bench.state(work.job) is RunState.UNKNOWN
    assert bench.job(work.job)["hold_code"] == "unknown"
    assert bench.backend.sent == []


def test_a_memo_that_is_too_large_starts_nothing_and_is_told(new_bench: NewBench) -> None:
    """What must be known would be cut off, or the run started without it."""
    bench = new_bench(absence_window=None)
    job = bench.add()
    bench.backend.always["submit"] = lambda: Begun({"much": "x" * 70_000})
    bench.backend.always["find"] = lambda: PROVED
    bench.serve(50.0)
    assert (bench.state(job), bench.read(job).memo) == (RunState.SUBMITTING, {})
    bench.serve(3600.0)
    assert "error: internal error" in bench.logged
    assert all(run.memo == {} for run in bench.backend.sent)
    assert 5 <= len(bench.backend.sent) <= 60, "it goes on, and not in a hurry"


def test_inputs_are_told_at_each_round(new_bench: NewBench, tmp_path: Path) -> None:
    """The call that starts the run would be made without its inputs."""
    bench = new_bench(inputs_at_submit=True)
    path = tmp_path / "in.dat"
    path.write_bytes(b"geometry")
    bench.add(inputs=[path])
    bench.backend.script["submit"] = [Begun(BEFORE), None]
    bench.serve(10.0)
    assert [set(run.inputs) for run in bench.backend.sent] == [{"in.dat"}, {"in.dat"}]
