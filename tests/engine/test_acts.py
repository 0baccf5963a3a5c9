"""Single acts, at moments that chance alone would rarely bring about."""

import hashlib
import os
from pathlib import Path

import pytest

from orchestrator.backend import (
    Absent,
    Begun,
    Finished,
    Found,
    Input,
    QuotaError,
    RejectedError,
    Several,
    Staged,
    TransientError,
    Unclear,
)
from orchestrator.core import decide
from orchestrator.core.faults import StaleError
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, RunState, Want
from orchestrator.core.pacing import SUBMIT_LIMIT
from orchestrator.core.work import Change, Work
from orchestrator.engine.forget import forget
from orchestrator.engine.stage import stage
from orchestrator.engine.submit import find
from orchestrator.engine.watch import watch
from tests.engine.bench import Bench
from tests.engine.conftest import NewBench

DOWN = TransientError("the service is down", effect="none")


def test_absence_counts_from_the_question(bench: Bench) -> None:
    """An answer given too early and received late would be taken for proof: the job runs twice."""
    work = bench.unknown(bench.add())
    bench.backend.script["find"] = [100.0, Absent("not listed")]
    bench.run(find(bench.tools, work))
    assert bench.state(work.job) is RunState.UNKNOWN
    assert bench.due(work.job) == pytest.approx(decide.SOONEST_LOOK, rel=0.1)  # of the question

    bench.run(find(bench.tools, bench.read(work.job)))
    assert bench.state(work.job) is RunState.STAGING


def test_a_write_by_an_act_that_was_overtaken_does_nothing(bench: Bench) -> None:
    """Two acts on one run would undo each other's steps."""
    old = bench.running(bench.add())
    newer = bench.move(old, decide.alive(old, "ended its warm-up", bench.now(), 0.5, hints=False))
    with pytest.raises(StaleError):
        bench.move(old, Change(event=Event.ALIVE, reason="too late", due=0.0))
    assert bench.read(old.job) == newer


def test_a_cancel_during_an_act_is_not_slept_through(bench: Bench) -> None:
    """A person's cancel would wait for a poll five minutes later."""
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    bench.move(work, Change(event=Event.ALIVE, reason="", due=300.0))
    assert bench.due(work.job) == bench.now().steady


def test_a_cancel_during_an_act_is_not_turned_into_a_hold(bench: Bench) -> None:
    """A cancelled job would stand there as held, and the person would have to ask again."""
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    bench.move(work, decide.lost(work, "the machine restarted", bench.now()))
    assert bench.job(work.job)["want"] == Want.CANCEL


def test_a_job_cancelled_in_doubt_is_retried_only_after_a_look(new_bench: NewBench) -> None:
    """The run that was given up may be alive: a second one beside it would run the job twice."""
    bench = new_bench(absence_window=None)
    job = bench.unknown(bench.add()).job
    bench.ask(Verb.CANCEL, job)
    bench.serve(3600.0)
    assert bench.job(job)["state"] == "cancelled"
    assert bench.read(job).outcome == "abandoned"
    assert bench.backend.times("forget") == []

    assert "--i-checked" in str(bench.ask(Verb.RETRY, job))
    assert bench.job(job)["state"] == "cancelled"
    assert bench.ask(Verb.RETRY, job, confirmed=True) is None
    assert bench.job(job)["state"] == "queued"


def test_an_unknown_outcome_is_held_and_every_way_out_of_it_works(new_bench: NewBench) -> None:
    """A job in doubt would be guessed about, or stuck for ever."""
    bench = new_bench(absence_window=None)
    job = bench.unknown(bench.add()).job
    bench.serve(7200.0)
    looks = len(bench.backend.times("find"))
    assert looks == decide.MISSES_BEFORE_HOLD
    assert bench.job(job)["hold_code"] == "unknown"

    assert "--i-checked" in str(bench.ask(Verb.RETRY, job))
    bench.ask(Verb.RELEASE, job)
    bench.serve(7200.0)
    assert len(bench.backend.times("find")) == 2 * looks  # as patient as the first time
    assert bench.ask(Verb.RETRY, job, confirmed=True) is None
    bench.serve(60.0)
    assert bench.read(job).number == 2
    assert bench.state(job) is RunState.RUNNING


def test_of_several_runs_a_person_adopts_one(bench: Bench) -> None:
    """The job would be stuck, or go on with a run that is not its own."""
    work = bench.unknown(bench.add())
    bench.backend.script["find"] = [Several(("7", "9"))]
    bench.serve(60.0)
    assert bench.job(work.job)["hold_code"] == "unknown"
    assert "more than one run" in bench.job(work.job)["hold_reason"]
    assert len(bench.backend.times("find")) == 1

    assert bench.ask(Verb.ADOPT, work.job, remote_id="9") is None
    bench.backend.script["poll"] = [{work.key: Finished(ok=True, reason="ended well")}]
    bench.serve(60.0)
    assert bench.job(work.job)["state"] == "succeeded"
    assert bench.read(work.job).remote_id == "9"
    assert bench.backend.times("submit") == []


def test_what_a_search_under_way_finds_does_not_undo_an_adoption(bench: Bench) -> None:
    """The run would be held or submitted again though a person has just named it."""
    work = bench.unknown(bench.add())

    def adopt_meanwhile() -> Found:
        assert bench.ask(Verb.ADOPT, work.job, remote_id="mine") is None
        return Found("other", "listed")

    bench.backend.always["find"] = adopt_meanwhile
    with pytest.raises(StaleError):
        bench.run(find(bench.tools, work))
    assert (bench.state(work.job), bench.read(work.job).remote_id) == (RunState.RUNNING, "mine")


def test_an_adopted_run_of_a_cancelled_job_is_stopped(bench: Bench) -> None:
    """Work that a person found and wants to end would go on, and be paid for."""
    work = bench.unknown(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    assert bench.ask(Verb.ADOPT, work.job, remote_id="9") is None
    bench.serve(10.0)
    assert bench.backend.times("cancel")
    assert bench.job(work.job)["want"] == "cancel"


def test_a_run_on_a_service_that_is_gone_for_ever_can_be_given_up(bench: Bench) -> None:
    """The job would be CANCELLING until the end of days."""
    bench.backend.always = {"poll": lambda: DOWN, "cancel": lambda: DOWN}
    job = bench.running(bench.add()).job
    bench.ask(Verb.CANCEL, job)
    bench.serve(86400.0)
    assert bench.job(job)["want"] == "cancel"

    assert bench.ask(Verb.HOLD, job) is None
    assert "--i-checked" in str(bench.ask(Verb.RETRY, job))
    assert bench.ask(Verb.RETRY, job, confirmed=True) is None
    assert bench.ask(Verb.CANCEL, job) is None
    assert bench.job(job)["state"] == "cancelled"


def test_a_submit_in_flight_cannot_be_given_up(bench: Bench) -> None:
    """A second run would start beside the one that is just being started."""
    job = bench.add()
    bench.move(bench.start(job), Change(event=Event.STAGED, reason="", due=0.0))
    bench.ask(Verb.HOLD, job)
    assert bench.ask(Verb.RETRY, job, confirmed=True) is not None
    assert bench.state(job) is RunState.SUBMITTING


def test_a_run_given_up_during_its_act_stays_given_up(bench: Bench) -> None:
    """What its poll says would bring the run back, beside the one that the person asked for."""
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    work = bench.read(work.job)
    write = bench.db.write

    async def give_up_after(*args: object, **more: object) -> object:
        written: object = await write(*args, **more)  # type: ignore[arg-type]
        bench.ask(Verb.HOLD, work.job)
        bench.ask(Verb.RETRY, work.job, confirmed=True)
        return written

    bench.db.write = give_up_after  # type: ignore[method-assign,assignment]
    bench.run(watch(bench.tools, [work]))
    assert bench.state(work.job) is RunState.ENDED
    assert bench.job(work.job)["state"] == "queued"


def test_a_stop_is_kept_before_it_is_sent(bench: Bench) -> None:
    """After a crash in between, the end that we asked for would be told as the run's own."""
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    kept: list[str | None] = []
    bench.backend.always["cancel"] = lambda: kept.append(bench.read(work.job).stop)
    bench.run(watch(bench.tools, [bench.read(work.job)]))
    assert kept == ["cancel"]


def test_the_backoff_of_submits_grows(bench: Bench) -> None:
    """A service that refuses would be asked twice a second, by every job, for ever."""
    bench.backend.always["submit"] = lambda: DOWN
    bench.add()
    bench.serve(3600.0)
    assert 10 <= len(bench.backend.times("submit")) <= 40


def test_a_loop_of_doubt_and_proven_absence_has_a_backoff(new_bench: NewBench) -> None:
    """A local supervisor that dies at every start would be started in a busy loop."""
    bench = new_bench(absence_window=0.0)
    bench.backend.always["submit"] = lambda: TransientError("it died", effect="possible")
    bench.add()
    bench.serve(3600.0)
    assert 10 <= len(bench.backend.times("submit")) <= 40


def test_a_submit_that_is_not_answered_is_looked_for_and_not_made_again(
    new_bench: NewBench,
) -> None:
    """The service may have taken it, and be slow to say so: the job would run twice."""
    bench = new_bench(absence_window=None)
    job = bench.add()
    bench.backend.script["submit"] = [3600.0]
    bench.serve(300.0)
    assert bench.backend.times("submit") == [0.0]
    assert bench.backend.times("find")[0] == SUBMIT_LIMIT
    assert bench.state(job) is RunState.UNKNOWN


def test_an_outage_asks_no_person(bench: Bench) -> None:
    """After a night without network every job in doubt would wait for somebody in the morning."""
    bench.backend.always["find"] = lambda: DOWN
    job = bench.unknown(bench.add()).job
    bench.serve(8 * 3600.0)
    assert bench.job(job)["want"] == "run"

    bench.backend.always.clear()
    bench.backend.script["find"] = [Unclear("the listing is not complete")]
    bench.serve(1800.0)
    assert bench.state(job) is RunState.RUNNING


@pytest.mark.parametrize("verb", ["find", "poll", "cancel", "forget"])
def test_what_a_service_asked_for_is_waited(bench: Bench, verb: str) -> None:
    """An account would be blocked for calling again before the time the service gave."""
    bench.backend.script[verb] = [QuotaError("later", effect="none", retry_after=1000.0)]
    if verb == "find":
        work = bench.unknown(bench.add())
        bench.run(find(bench.tools, work))
    else:
        work = bench.running(bench.add())
        if verb == "cancel":
            bench.ask(Verb.CANCEL, work.job)
            work = bench.read(work.job)
        if verb == "forget":
            bench.run(forget(bench.tools, end(bench, work.job)))
        else:
            bench.run(watch(bench.tools, [work]))
    assert bench.backend.times(verb) == [0.0]
    assert bench.due(work.job) >= 1000.0


def end(bench: Bench, job: str) -> Work:
    """Bring a running run to its end."""
    lost = decide.lost(bench.read(job), "gone", bench.now())
    bench.move(bench.read(job), lost)
    bench.ask(Verb.RETRY, job)
    return bench.read(job)


def test_an_input_that_changed_holds_the_job_until_a_person_decides(
    bench: Bench, tmp_path: Path
) -> None:
    """The job would compute something other than what was dropped, and nobody would know."""
    path = tmp_path / "wing.inp"
    path.write_text("as dropped")
    dropped = path.stat()
    job = bench.add(inputs=[path])
    path.write_text("edited")
    bench.run(stage(bench.tools, bench.start(job)))
    assert bench.job(job)["hold_code"] == "input"
    assert "changed after the job was taken" in bench.job(job)["hold_reason"]
    assert bench.backend.calls == []

    path.write_text("as dropped")
    os.utime(path, ns=(dropped.st_atime_ns, dropped.st_mtime_ns))
    bench.ask(Verb.RELEASE, job)
    bench.serve(10.0)
    assert bench.state(job) is RunState.RUNNING


@pytest.mark.parametrize("asked", [True, False])
def test_a_place_that_sends_inputs_itself_is_told_where_they_lie(
    new_bench: NewBench, tmp_path: Path, *, asked: bool
) -> None:
    """A service that takes inputs with the submit alone would get none, or every file twice."""
    bench = new_bench(inputs_at_submit=asked)
    path = tmp_path / "wing.inp"
    path.write_text("as dropped")
    bench.add(inputs=[path])
    bench.serve(10.0)
    (run,) = bench.backend.sent
    digest = hashlib.sha256(b"as dropped").hexdigest()
    assert run.inputs == ({"wing.inp": Input(path, 10, digest)} if asked else {})


@pytest.mark.parametrize("harm", ["changed", "cannot be read: No such file"])
def test_what_is_sent_at_the_submit_must_be_what_was_staged(
    new_bench: NewBench, tmp_path: Path, harm: str
) -> None:
    """Between the look at a file and the submit it could become another one."""
    bench = new_bench(inputs_at_submit=True)
    path = tmp_path / "wing.inp"
    path.write_text("as dropped")
    job = bench.add(inputs=[path])
    work = bench.start(job)
    bench.run(stage(bench.tools, work))
    if harm == "changed":
        path.write_text("edited")
    else:
        path.unlink()
    bench.run(stage(bench.tools, bench.read(job)))
    assert bench.job(job)["hold_code"] == "input"
    assert f"({path}) {harm}" in bench.job(job)["hold_reason"]
    assert bench.backend.sent == []


def test_a_retry_takes_a_changed_input_as_it_is(bench: Bench, tmp_path: Path) -> None:
    """A person who meant to edit the file could not get the job on its way again."""
    path = tmp_path / "wing.inp"
    path.write_text("as dropped")
    job = bench.add(inputs=[path])
    path.write_text("edited on purpose")
    bench.run(stage(bench.tools, bench.start(job)))
    assert bench.ask(Verb.RETRY, job) is None
    bench.serve(10.0)
    assert bench.read(job).number == 2
    assert bench.state(job) is RunState.RUNNING


def test_staging_that_never_answers_is_tried_again(bench: Bench, tmp_path: Path) -> None:
    """A hanging upload would hold a slot for ever, or be blamed on the file."""
    path = tmp_path / "wing.inp"
    path.write_text("data")
    job = bench.add(inputs=[path])
    bench.backend.script["stage"] = [1e6]
    bench.serve(2 * 3600.0)
    assert bench.job(job)["want"] == "run"
    assert bench.state(job) is RunState.RUNNING


def begun(tmp_path: Path, bench: Bench) -> str:
    """Accept a job with one input; return its id."""
    path = tmp_path / "wing.inp"
    path.write_text("data")
    return bench.add(inputs=[path])


def test_an_input_may_come_over_in_several_acts(bench: Bench, tmp_path: Path) -> None:
    """An upload that was begun would be forgotten in a crash, and lie over there for ever."""
    job = begun(tmp_path, bench)
    seen: list[object] = []
    replies = [Begun({"upload": 1}), Begun({"upload": 1, "part": 1}), None]

    def reply() -> Begun | None:
        seen.append(bench.read(job).memo)
        return replies.pop(0)

    bench.backend.always["stage"] = reply
    bench.serve(10.0)
    assert seen == [{}, {"upload": 1}, {"upload": 1, "part": 1}]
    assert (bench.state(job), bench.read(job).tries) == (RunState.RUNNING, 0)
    assert bench.backend.times("submit") == [0.0]  # no pause between acts that get on


def test_steps_that_begin_and_never_get_anywhere_have_a_backoff(
    bench: Bench, tmp_path: Path
) -> None:
    """An upload that breaks off each time would be begun again in a busy loop, for ever."""
    job = begun(tmp_path, bench)
    turns = 0

    def reply() -> Begun | TransientError:
        nonlocal turns
        turns += 1
        return Begun({"upload": turns}) if turns % 2 else DOWN

    bench.backend.always["stage"] = reply
    bench.serve(3600.0)
    assert 10 <= len(bench.backend.times("stage")) <= 80
    assert bench.read(job).tries >= 5
    assert bench.read(job).memo["upload"] in {turns, turns - 1}


def test_a_cancel_between_two_acts_of_one_input_is_noticed(bench: Bench, tmp_path: Path) -> None:
    """Hours of upload would go on for a job that nobody wants any more."""
    job = begun(tmp_path, bench)

    def reply() -> Begun:
        if len(bench.backend.times("stage")) == 3:
            bench.ask(Verb.CANCEL, job)
        return Begun({})

    bench.backend.always["stage"] = reply
    bench.serve(10.0)
    assert bench.job(job)["state"] == "cancelled"
    assert len(bench.backend.times("stage")) == 3
    assert len(bench.backend.times("forget")) == 1  # what had come over may go


def test_an_input_counts_as_brought_only_with_its_memo(bench: Bench, tmp_path: Path) -> None:
    """After a crash between the two, the submit would not know where its input had been put."""
    path = tmp_path / "wing.inp"
    path.write_text("data")
    work = bench.start(bench.add(inputs=[path]))
    bench.backend.script["stage"] = [Staged(4, "0" * 64, memo={"wing.inp": "u-1"})]
    seen = []
    sql = "SELECT max(step.done), run.memo FROM run JOIN step ON step.run = run.id"
    bench.db.on_commit.append(lambda: seen.append(tuple(bench.conn.execute(sql).fetchone())))
    bench.run(stage(bench.tools, work))
    assert seen == [(1, '{"wing.inp":"u-1"}')]


@pytest.mark.parametrize("failing", [None, RejectedError("no such file", effect="none")])
def test_a_drop_that_is_archived_while_its_input_is_read_is_read_again(
    bench: Bench, tmp_path: Path, failing: RejectedError | None
) -> None:
    """A job whose start met the filing away of its drop would fail, or wait for a person."""
    path, home = tmp_path / "wing.inp", bench.tools.home
    path.write_text("as dropped")
    job = bench.add(inputs=[path], dropped=True)
    (home.claimed / job / "wing").mkdir(parents=True)
    path.rename(home.claimed / job / "wing" / path.name)

    def archive() -> RejectedError | None:
        if (home.archive / job).exists():
            return None
        home.archive.mkdir(exist_ok=True)
        (home.claimed / job).rename(home.archive / job)
        return failing

    bench.backend.always["stage"] = archive
    bench.serve(10.0)
    assert bench.job(job)["want"] == "run"
    assert bench.state(job) is RunState.RUNNING
    assert len(bench.backend.times("stage")) == 2


def test_each_run_gets_its_own_answer(new_bench: NewBench) -> None:
    """A job would end as its neighbour did."""
    bench = new_bench(poll_batch=3)
    works = [bench.running(bench.add()) for _ in range(3)]
    ends = {
        works[0].key: Finished(ok=True, reason="ended well"),
        works[2].key: Finished(ok=False, reason="ended badly", exit_code=1),
    }
    bench.backend.script["poll"] = [ends]
    bench.run(watch(bench.tools, works))
    assert [bench.read(work.job).outcome for work in works] == ["succeeded", None, "failed"]


def test_one_slow_stop_does_not_hold_up_the_others(new_bench: NewBench) -> None:
    """A hundred cancels at once would take hours when the service does not answer."""
    bench = new_bench(poll_batch=10)
    works = [bench.running(bench.add()) for _ in range(10)]
    for work in works:
        bench.ask(Verb.CANCEL, work.job)
    bench.backend.always["cancel"] = lambda: 1e6
    bench.run(watch(bench.tools, [bench.read(work.job) for work in works]))
    assert bench.loop.time() < 130.0
    assert len(bench.backend.times("poll")) == 10
