"""Runs given early to a place that holds them back by itself: in order, stopped, or no success."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from orchestrator.backend import Alive, Answer, Finished, Lost, TransientError
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, Outcome, RunState
from orchestrator.core.spec import Limits
from orchestrator.core.work import Change, Work
from orchestrator.engine.submit import submit
from orchestrator.store import look
from tests.engine.bench import Bench
from tests.engine.conftest import NewBench

WELL = Finished(ok=True, reason="ended well", exit_code=0)
BADLY = Finished(ok=False, reason="ended badly", exit_code=1)
STOPPED = Finished(ok=False, reason="killed", stopped="cancel")


@pytest.fixture
def bench(new_bench: NewBench) -> Bench:
    """Return a bench whose backend holds runs back by itself."""
    return new_bench(starts_after=True, absence_window=60.0)


def answers(bench: Bench, told: Mapping[str, Answer]) -> None:
    """Let the place answer so for jobs, whenever it is asked; all others go on."""
    others = {bench.read(job).key: answer for job, answer in told.items()}
    bench.backend.always["poll"] = lambda: others


def early(bench: Bench, **more: object) -> tuple[Work, str]:
    """Return a live run, and a job behind it that was given to the place."""
    mesh = bench.running(bench.add(name="mesh"))
    solve = bench.add(name="solve", after=("mesh",), **more)  # type: ignore[arg-type]
    bench.serve(2.0)
    assert bench.state(solve) is RunState.RUNNING
    assert bench.backend.after[bench.read(solve).key] == (mesh.remote_id,)
    return mesh, solve


def test_a_job_is_given_early_behind_live_runs(bench: Bench) -> None:
    """A chain would wait in the queue of the service once for each of its jobs."""
    mesh, solve = early(bench)
    plot = bench.add(name="plot", after=("solve", "mesh"))
    bench.serve(2.0)
    both = (bench.read(solve).remote_id, mesh.remote_id)
    assert bench.backend.after[bench.read(plot).key] == both


def test_without_the_trait_a_job_waits_here(new_bench: NewBench) -> None:
    """A service that knows no order would start the solver before its mesh is there."""
    bench = new_bench()
    mesh = bench.running(bench.add(name="mesh"))
    solve = bench.add(name="solve", after=("mesh",))
    bench.serve(60.0)
    assert bench.job(solve)["state"] == "queued"
    answers(bench, {mesh.job: WELL})
    bench.serve(60.0)
    assert bench.backend.after[bench.read(solve).key] == ()


@pytest.mark.parametrize("why", ["another run may follow", "elsewhere", "not submitted", "doubt"])
def test_a_job_is_not_given_behind_what_may_yet_change(bench: Bench, why: str) -> None:
    """The service would wait for a run that is not the one that decides."""
    backend = "elsewhere" if why == "elsewhere" else "there"
    mesh = bench.add(name="mesh", backend=backend, attempts=2 if "another" in why else 1)
    if why == "doubt":
        bench.unknown(mesh)
    elif why == "not submitted":
        bench.ask(Verb.HOLD, mesh)
    else:
        bench.running(mesh)
    solve = bench.add(name="solve", after=("mesh",))
    bench.serve(5.0)
    assert bench.job(solve)["state"] == "queued"


def test_those_that_can_start_go_before_those_that_would_wait_there(new_bench: NewBench) -> None:
    """A place with few slots would be full of runs that wait."""
    bench = new_bench(starts_after=True, max_runs=2)
    bench.running(bench.add(name="mesh"))
    solve = bench.add(name="solve", after=("mesh",))
    other = bench.add(name="other")
    bench.serve(5.0)
    assert (bench.job(solve)["state"], bench.job(other)["state"]) == ("queued", "active")


@pytest.mark.parametrize("how", ["failed", "lost", "cancelled"])
def test_a_run_is_stopped_when_the_one_before_it_does_not_succeed(bench: Bench, how: str) -> None:
    """A service that is content with less than we are would go on with a bad mesh, and be paid."""
    mesh, solve = early(bench)
    answers(bench, {mesh.job: Lost("no trace") if how == "lost" else BADLY, solve: Alive()})
    if how == "cancelled":
        bench.ask(Verb.CANCEL, mesh.job)
        answers(bench, {mesh.job: STOPPED, solve: Alive()})
    bench.serve(10.0)
    assert bench.backend.times("cancel", bench.read(solve).key)
    answers(bench, {solve: STOPPED})
    bench.serve(600.0)
    job = bench.job(solve)
    words = {
        "failed": "has a run that ended: failed",
        "lost": "is held: how its run ended is lost",
        "cancelled": "has a run that ended: cancelled",
    }
    assert (job["state"], job["reason"]) == (
        "cancelled",
        f"stopped: mesh ({mesh.job}), which it comes after, {words[how]} (killed)",
    )


def test_what_was_not_submitted_yet_is_dropped(bench: Bench, tmp_path: Path) -> None:
    """A run would be submitted though what it was to wait for has failed."""
    source = tmp_path / "in.dat"
    source.write_bytes(b"x")
    bench.backend.script["stage"] = [30.0, 30.0]
    mesh = bench.running(bench.add(name="mesh"))
    solve = bench.add(name="solve", after=("mesh",), inputs=[source])
    bench.serve(2.0)
    assert bench.state(solve) is RunState.STAGING
    answers(bench, {mesh.job: BADLY})
    bench.serve(600.0)
    assert bench.backend.times("submit") == []
    assert bench.job(solve)["state"] == "cancelled"
    assert bench.job(solve)["reason"].startswith(f"not started: mesh ({mesh.job})")


def test_what_fails_while_the_intent_is_written_is_not_submitted(bench: Bench) -> None:
    """Between a look and the commit, a run would slip out free of what it was to wait for."""
    mesh = bench.running(bench.add(name="mesh"))
    solve = bench.start(bench.add(name="solve", after=("mesh",)))
    ended = Change(event=Event.FINISHED, reason="", due=0.0, outcome=Outcome.FAILED)
    bench.move(mesh, ended)
    bench.run(submit(bench.tools, solve))  # which was read before that
    assert bench.backend.times("submit") == []
    bench.serve(1.0)
    assert bench.job(solve.job)["state"] == "cancelled"


def test_a_failure_during_the_submit_reaches_the_run(bench: Bench) -> None:
    """A run that was being submitted at that moment would go on, and count."""
    mesh = bench.running(bench.add(name="mesh"))
    solve = bench.add(name="solve", after=("mesh",))
    bench.backend.script["poll"], bench.backend.script["submit"] = [5.0], [20.0]
    bench.backend.always["poll"] = lambda: {mesh.key: BADLY, bench.read(solve).key: Alive()}
    bench.serve(25.0)
    (stopped, *_) = bench.backend.times("cancel", bench.read(solve).key)
    assert 20.0 <= stopped < 21.0


def test_a_failure_during_a_look_reaches_the_run(bench: Bench) -> None:
    """An old run would be looked at minutes later only, and go on as long with a bad mesh."""
    mesh, solve = early(bench)
    began = bench.loop.time()
    bench.conn.execute("UPDATE run SET started = -3000, due = 0 WHERE job = ?", (solve,))
    bench.conn.execute("UPDATE run SET due = ? WHERE id = ?", (began + 10.0, mesh.run))
    bench.backend.script["poll"] = [20.0]
    answers(bench, {mesh.job: BADLY, solve: Alive()})
    bench.serve(60.0)
    (stopped, *_) = bench.backend.times("cancel", bench.read(solve).key)
    assert stopped - began == pytest.approx(20.0, abs=1.0)


def test_a_success_is_shown_when_the_one_before_it_has_succeeded(bench: Bench) -> None:
    """A job would count as succeeded whose mesh is found to be bad afterwards."""
    mesh, solve = early(bench)
    answers(bench, {solve: WELL})
    bench.serve(900.0)
    assert (bench.job(solve)["state"], bench.state(solve)) == ("active", RunState.HARVESTING)
    assert len(bench.backend.times("list_outputs")) == 1, "it waits, and asks nobody"
    answers(bench, {mesh.job: WELL})
    bench.serve(600.0)
    assert bench.job(mesh.job)["state"] == bench.job(solve)["state"] == "succeeded"


def test_a_success_that_waits_can_be_cancelled(bench: Bench) -> None:
    """The job would be cancelling for as long as a person looks at the one before it."""
    mesh, solve = early(bench, lease="study 21")
    other = bench.add(name="other", lease="study 21")
    assert bench.ask(Verb.HOLD, mesh.job) is None
    answers(bench, {solve: WELL})
    bench.serve(900.0)
    assert (bench.state(solve), bench.job(other)["state"]) == (RunState.HARVESTING, "queued")
    assert bench.ask(Verb.CANCEL, solve) is None
    bench.serve(10.0)
    assert (bench.job(solve)["state"], bench.job(other)["state"]) == ("cancelled", "active")
    assert look.movable(bench.conn, ["there"]) == 1, "the other; `--until-idle` waits for no more"


def test_a_success_behind_a_failure_is_none(bench: Bench) -> None:
    """Somebody would rely on what was computed from a bad mesh."""
    mesh, solve = early(bench)
    answers(bench, {solve: WELL})
    bench.serve(60.0)
    answers(bench, {mesh.job: BADLY})
    bench.serve(600.0)
    job = bench.job(solve)
    assert (job["state"], job["reason"]) == (
        "failed",
        f"ended well; but mesh ({mesh.job}), which it comes after, has a run that ended: failed",
    )


def test_a_person_who_gives_a_run_up_spoils_what_is_behind_it(bench: Bench) -> None:
    """The next run of the mesh would be another than the one the solver waits behind."""
    mesh, solve = early(bench)
    answers(bench, {mesh.job: Alive(), solve: Alive()})
    bench.ask(Verb.HOLD, mesh.job)
    assert bench.ask(Verb.RETRY, mesh.job, confirmed=True) is None
    bench.serve(10.0)
    assert bench.backend.times("cancel", bench.read(solve).key)


def test_the_time_limit_begins_when_the_run_may(bench: Bench) -> None:
    """A run would be stopped for having waited."""
    mesh, solve = early(bench, limits=Limits(time=timedelta(seconds=100)))
    answers(bench, {mesh.job: Alive(), solve: Alive()})
    bench.serve(1000.0)
    assert bench.backend.times("cancel") == []
    answers(bench, {mesh.job: WELL, solve: Alive()})
    begin = bench.loop.time()
    bench.serve(900.0)
    (stopped, *_) = bench.backend.times("cancel", bench.read(solve).key)
    ended = next(at for at in bench.backend.times("list_outputs") if at > begin)
    assert stopped - ended == pytest.approx(100.0, abs=1.0)


def test_a_service_that_is_down_is_not_asked_sooner(bench: Bench) -> None:
    """What it said of when to come back would be forgotten whenever another job ends."""
    mesh, solve = early(bench)
    answers(bench, {solve: WELL})
    down = TransientError("down", effect="none", retry_after=500.0)
    bench.backend.always["list_outputs"] = lambda: down
    bench.serve(30.0)
    (first,) = bench.backend.times("list_outputs")
    bench.backend.always.pop("list_outputs")
    answers(bench, {mesh.job: WELL})
    bench.serve(900.0)
    again = bench.backend.times("list_outputs", bench.read(solve).key)
    assert again[1] - first >= 500.0
