"""Runs that nobody can end from here: those that are stuck, and those that no call can stop."""

from datetime import timedelta

import pytest

from orchestrator.backend import Alive, Finished, Found, NoAnswer, RejectedError, Stuck
from orchestrator.core import decide
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Outcome, RunState, Want
from orchestrator.core.spec import Limits
from orchestrator.core.work import Work
from orchestrator.engine.watch import watch
from orchestrator.store import look
from tests.engine.bench import Bench
from tests.engine.conftest import NewBench

STUCK = Stuck("its log has not moved for 6 h")
SAID = "stuck: its log has not moved for 6 h"
HOW = RejectedError("stop it in the web interface", effect="none")


def polled(bench: Bench, work: Work, answer: object) -> None:
    """Look once at a run, with this answer."""
    bench.backend.script["poll"] = [{work.key: answer}]
    bench.run(watch(bench.tools, [bench.read(work.job)]))


# ── stuck ──


def test_a_stuck_run_waits_for_a_person_who_is_told_what_to_do(bench: Bench) -> None:
    """A job would hang there for ever, or be taken for dead while it computes."""
    job = bench.running(bench.add()).job
    bench.backend.always["poll"] = lambda: {bench.read(job).key: STUCK}
    bench.serve(3600.0)
    row, work = bench.job(job), bench.read(job)
    assert (row["want"], row["hold_code"], work.state) == ("hold", "unknown", RunState.RUNNING)
    for word in (SAID, work.remote_id, "there", "release", "retry --i-checked", "cancel"):
        assert str(word) in row["hold_reason"]
    assert len(bench.backend.times("poll")) == 1  # a person was asked: nobody looks any more

    assert "--i-checked" in str(bench.ask(Verb.RETRY, job))
    bench.ask(Verb.RELEASE, job)
    bench.backend.always["poll"] = lambda: {bench.read(job).key: Alive("it moves again")}
    bench.serve(3600.0)
    assert (bench.job(job)["want"], bench.state(job)) == ("run", RunState.RUNNING)


def test_a_person_who_looked_gets_a_new_run(bench: Bench) -> None:
    """The only way on would be to give the job up."""
    work = bench.running(bench.add())
    polled(bench, work, STUCK)
    assert bench.ask(Verb.RETRY, work.job, confirmed=True) is None
    bench.serve(10.0)
    assert bench.read(work.job).number == 2
    [row] = bench.conn.execute("SELECT outcome, forgotten FROM run WHERE number = 1").fetchall()
    assert tuple(row) == ("abandoned", 1)  # what it left there, a person may want to look at


def test_who_was_told_and_cancels_gives_it_up(bench: Bench) -> None:
    """A job could never be got rid of whose run is dead without saying so."""
    work = bench.running(bench.add(), age=60.0)
    polled(bench, work, STUCK)
    bench.ask(Verb.CANCEL, work.job)
    polled(bench, work, STUCK)
    assert bench.job(work.job)["state"] == "cancelled"
    assert bench.read(work.job).outcome is Outcome.ABANDONED
    assert bench.job(work.job)["reason"] == f"cancelled on request, and given up: {SAID}"
    assert "--i-checked" in str(bench.ask(Verb.RETRY, work.job))


def test_outputs_that_were_given_up_ask_for_no_look_there(bench: Bench) -> None:
    """A person would be sent to look for a run that is known to have ended."""
    work = bench.unknown(bench.add())
    bench.backend.script["find"] = [Found("57", "listed")]
    bench.backend.always["poll"] = lambda: {work.key: Finished(ok=True, reason="ended well")}
    bench.backend.always["list_outputs"] = lambda: RejectedError("gone", effect="none")
    bench.serve(7200.0)
    bench.ask(Verb.CANCEL, work.job)
    bench.serve(7200.0)
    assert bench.read(work.job).outcome is Outcome.ABANDONED
    assert bench.ask(Verb.RETRY, work.job) is None


def test_a_cancel_before_anybody_was_told_gives_nothing_up(bench: Bench) -> None:
    """The next job would begin beside a run that still computes."""
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    polled(bench, work, Alive())
    polled(bench, work, STUCK)
    row = bench.job(work.job)
    assert (row["want"], row["hold_code"]) == ("hold", "unknown")
    assert row["hold_reason"].startswith(f"cancelled on request, but {SAID}")
    bench.ask(Verb.CANCEL, work.job)
    polled(bench, work, STUCK)
    assert bench.read(work.job).outcome is Outcome.ABANDONED


def test_a_cancel_during_the_look_that_finds_it_stuck_gives_nothing_up(bench: Bench) -> None:
    """Who cancelled in that second has not been told, either."""
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    bench.move(work, decide.stuck(work, STUCK.evidence, bench.now()))
    assert bench.job(work.job)["want"] == Want.CANCEL
    polled(bench, work, STUCK)
    assert bench.job(work.job)["want"] == Want.HOLD
    assert bench.state(work.job) is RunState.RUNNING


def test_a_stuck_run_that_ends_after_all_is_taken_for_what_it_came_to(bench: Bench) -> None:
    """Results that came late would be thrown away."""
    work = bench.running(bench.add())
    polled(bench, work, STUCK)
    bench.ask(Verb.RELEASE, work.job)
    polled(bench, work, Finished(ok=True, reason="ended well"))
    bench.serve(10.0)
    assert bench.job(work.job)["state"] == "succeeded"


# ── no call can stop it ──


@pytest.fixture
def unstoppable(new_bench: NewBench) -> Bench:
    """Return a bench whose backend cannot stop a run."""
    bench = new_bench(stops=False)
    bench.backend.always["cancel"] = lambda: HOW
    return bench


def test_a_run_that_cannot_be_stopped_is_watched_to_its_end(unstoppable: Bench) -> None:
    """A cancelled job would be let go of while its run goes on, or be asked after in a hurry."""
    bench = unstoppable
    work = bench.running(bench.add(), age=3600.0)
    bench.ask(Verb.CANCEL, work.job)
    bench.serve(7200.0)
    assert bench.read(work.job).stop == "cancel"
    assert bench.read(work.job).tries == 0, "it is no failure"
    assert 20 <= len(bench.backend.times("poll")) <= 30  # 300 s, as for a run that is wanted
    [line] = bench.conn.execute("SELECT last_error FROM run").fetchall()
    assert line["last_error"] == str(HOW)  # what `status` and `explain` show


@pytest.mark.parametrize(("ok", "state"), [(True, "succeeded"), (False, "cancelled")])
def test_what_it_comes_to_then_is_said_as_it_is(
    unstoppable: Bench, state: str, *, ok: bool
) -> None:
    """A whole result would be called cancelled, or a person not be told why it is there."""
    bench = unstoppable
    work = bench.running(bench.add(attempts=3))
    bench.ask(Verb.CANCEL, work.job)
    polled(bench, work, Alive())
    polled(bench, work, Finished(ok=ok, reason="ended"))
    bench.serve(10.0)
    why = "ended; it ended by itself, although it was to be stopped"
    assert (bench.job(work.job)["state"], bench.job(work.job)["reason"]) == (state, why)
    assert look.history_of(bench.conn, work.job)[-1].reason == why
    assert bench.read(work.job).number == 1, "nobody wants another run"


def test_a_person_who_stopped_it_there_has_cancelled_it(unstoppable: Bench) -> None:
    """A job would be shown as failed that was stopped as its person was told to."""
    bench = unstoppable
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    polled(bench, work, Finished(ok=False, reason="STOPPED", stopped="cancel"))
    assert bench.read(work.job).outcome is Outcome.CANCELLED


def test_its_time_limit_is_told_and_ends_nothing(unstoppable: Bench) -> None:
    """A run past its time would be asked after each second, or its whole result be refused."""
    bench = unstoppable
    limit = Limits(time=timedelta(seconds=60))
    work = bench.running(bench.add(limits=limit), age=50.0)
    bench.serve(20.0)
    assert bench.read(work.job).stop == "time_limit"
    bench.serve(3600.0)
    assert len(bench.backend.times("poll")) <= 50
    polled(bench, work, Finished(ok=True, reason="ended well"))
    assert bench.read(work.job).reason == "ended well; it ended by itself, after its time limit"
    assert bench.read(work.job).outcome is Outcome.SUCCEEDED


def test_a_silent_place_is_no_end_of_what_cannot_be_stopped(unstoppable: Bench) -> None:
    """A cancelled run would be given up because its service is down."""
    bench = unstoppable
    work = bench.running(bench.add())
    bench.ask(Verb.CANCEL, work.job)
    polled(bench, work, NoAnswer("not seen"))
    [line] = bench.conn.execute("SELECT last_error FROM run").fetchall()
    assert line["last_error"] == f"{HOW}; not seen"
    assert bench.state(work.job) is RunState.RUNNING
