"""Promise 6: `explain` says what a job waits for, what holds it, and what comes next."""

import re
from dataclasses import replace
from typing import Any

import pytest

from orchestrator.cli.explaining import Surroundings, explanation
from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome, RunState, Shown, Want
from orchestrator.core.now import Now
from orchestrator.store.views import JobView, RunView
from tests.cli.bench import Bench, Run

NOW = Now(steady=500.0, wall=1_790_000_000.0)

JOB = JobView(
    id="7k2m4n6p8q9r",
    seq=1,
    name="beam",
    backend="local",
    state=JobState.ACTIVE,
    want=Want.RUN,
    hold_code=None,
    hold_reason=None,
    due=0.0,
    runs=1,
    allowed=3,
    reason="started",
    shown=Shown.RUNNING,
    accepted_at=NOW.wall - 100,
    deadline=None,
    dropped_as="beam.toml",
    file="beam.toml",
    spec={},
    changed_at=NOW.wall - 65,
)
RUN = RunView(
    id="run000000001",
    key="orch-testhome-run000000001",
    number=1,
    state=RunState.RUNNING,
    due=512.0,
    tries=0,
    remote_id="r-17",
    outcome=None,
    exit_code=None,
    reason="",
    stop=None,
    doubt_since=None,
    started=440.0,
    last_error=None,
    last_error_at=None,
    created_at=NOW.wall - 70,
    ended_at=None,
    manifest_sha256=None,
    forgotten=False,
    staging_steps=0,
    staged=0,
    harvest_steps=0,
    harvested=0,
)
AROUND = Surroundings(
    daemon=1, room=2, live=1, harvesting=0, sought=0, ahead=0, results="/home/results/beam"
)


def said(job: dict[str, Any], run: dict[str, Any] | None = None, **around: Any) -> dict[str, str]:
    """Explain a job that differs in these fields from a running one."""
    view = None if run is None else replace(RUN, **run)
    return dict(explanation(replace(JOB, **job), view, replace(AROUND, **around), NOW))


RELEASE, RETRY, CANCEL = (
    f"`orchestrator {verb} 7k2m4n6p8q9r`" for verb in ("release", "retry", "cancel")
)


@pytest.mark.parametrize(
    ("run", "waits", "then"),
    [
        (
            {"state": RunState.STAGING, "staging_steps": 3, "staged": 1},
            "its inputs: 1 of 3 have been brought over",
            "the next input, in 12 s",
        ),
        (
            {"state": RunState.STAGING, "staging_steps": 3, "staged": 3, "due": 400.0},
            "its submit",
            "it is submitted to local, at once",
        ),
        (
            {"state": RunState.SUBMITTING},
            "the answer of local to its submit",
            "what the answer asks for",
        ),
        (
            {"state": RunState.UNKNOWN},
            "proof whether local has taken it; it is looked for as orch-testhome-run000000001",
            "local is asked again, in 12 s",
        ),
        (
            {"state": RunState.RUNNING},
            "the end of its run",
            "local is asked how it stands, in 12 s",
        ),
        (
            {"state": RunState.RUNNING, "stop": "time_limit"},
            "confirmation that its run has stopped; it may go on until then",
            "local is asked how it stands, in 12 s",
        ),
        (
            {"state": RunState.HARVESTING, "harvest_steps": 9, "harvested": 4},
            "its outputs: 4 of 9 have been fetched",
            "the next output, in 12 s",
        ),
    ],
)
def test_each_state_of_a_run_has_its_sentences(run: dict[str, Any], waits: str, then: str) -> None:
    """A state without words, or with those of another, would leave people guessing."""
    lines = said({}, run)
    assert lines["waits for"] == waits
    assert lines["next"].startswith(then)
    assert lines["run"] == "1 of 3 on local, there known as r-17"
    assert lines["state"] == "RUNNING, since 2026-09-21 14:12:15 (1 min 5 s ago)"


def test_the_last_error_is_told_with_its_age_and_number() -> None:
    """Nobody could tell a service that is down from a run that is slow."""
    lines = said({}, {"last_error": "HTTP 503", "last_error_at": NOW.wall - 30, "tries": 4})
    assert lines["last error"] == "HTTP 503 (30 s ago), 4 tries in a row"


def test_limits_are_told_with_what_is_left() -> None:
    """A run would be stopped at its limit without anybody having seen it come."""
    job = {"spec": {"limits": {"time": 100.0}}, "deadline": NOW.wall + 7200}
    lines = said(job, {})
    assert lines["time limit"] == "1 min 40 s a run; 40 s left of this one"
    assert lines["deadline"] == "2026-09-21 16:13:20 (in 2 h)"
    assert said({"deadline": NOW.wall - 1}, {})["deadline"].endswith("(passed)")


QUEUED = {"state": JobState.QUEUED, "shown": Shown.QUEUED, "runs": 0}


def test_a_queued_job_names_the_limit_that_holds_it() -> None:
    """People would not know whether to wait, to raise the limit, or to look for a fault."""
    lines = said(QUEUED, live=2, ahead=3)
    assert lines["waits for"] == (
        "a free place on local, which takes 2 at once; before it in the queue: 3"
    )
    assert lines["next"] == "it starts when a run ends"


def test_runs_that_only_fetch_outputs_take_no_place() -> None:
    """It would claim that a place is taken where the engine sees a free one."""
    assert said(QUEUED, live=2, harvesting=1)["next"] == "it starts, at once"


def test_ended_runs_whose_outputs_pile_up_hold_a_queued_job() -> None:
    """It would promise a start at once while a slow network holds everything up."""
    lines = said(QUEUED, live=18, harvesting=18)
    assert lines["waits for"] == "the outputs of 18 runs that have ended on local"
    assert lines["next"] == "it starts when they have been fetched"


def test_runs_of_a_restored_queue_are_looked_for_first() -> None:
    """It would promise a start at once while the daemon still asks what became of older runs."""
    lines = said(QUEUED, live=1, sought=3)
    assert lines["waits for"] == "3 runs of the restored queue to be looked for on local"
    assert lines["next"] == "it starts when it is known what became of them"


def test_a_free_place_goes_to_the_jobs_before_it() -> None:
    """It would promise a start at once to everybody in the queue."""
    assert said(QUEUED, live=1, ahead=1)["next"] == "it starts when a run ends"


def test_a_queued_job_may_start_at_once() -> None:
    """It would name a limit that does not hold it."""
    lines = said(QUEUED, live=1)
    assert (lines["waits for"], lines["next"]) == ("the daemon's next look", "it starts, at once")


MESH = "mesh (m1), which is running"


def test_a_job_that_waits_for_what_another_has_says_who_has_it() -> None:
    """A job would stand in the queue for hours beside free places, and nobody would know why."""
    line = "study 21, which wing (7k2) has"
    lines = said({**QUEUED, "in_line_for": line}, room=5, live=1)
    assert lines["waits for"] == line
    assert lines["next"] == "it starts in its turn, as soon as that job's run has ended"


@pytest.mark.parametrize("held", [{}, {"want": Want.HOLD, "hold_code": "lost", "hold_reason": "?"}])
def test_a_run_says_what_it_has_to_itself(held: dict[str, Any]) -> None:
    """A person who leaves a job held would not know that others wait for its study."""
    lines = said({"lease": "study 21"} | held, {})
    assert lines["has"] == "study 21, to itself until the run has ended"
    assert "has" not in said({"lease": "study 21"}, {"state": RunState.ENDED})


def test_a_job_that_waits_for_others_says_for_which() -> None:
    """People would raise limits, or look for a fault, where the mesh is simply not ready."""
    lines = said({**QUEUED, "waits_for": MESH}, ahead=3, live=2)
    assert (lines["waits for"], lines["next"]) == (MESH, "it starts when all of them succeeded")


@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.HARVESTING])
def test_a_run_that_was_begun_early_says_what_it_waits_for(state: RunState) -> None:
    """A run that its service holds back would look as if it hung."""
    assert said({"waits_for": MESH}, {"state": state})["and for"] == MESH
    assert "and for" not in said({}, {"state": state})


def test_a_job_between_two_runs_says_when_the_next_one_starts() -> None:
    """A retry that waits would look like a job that was forgotten."""
    lines = said({**QUEUED, "runs": 1, "due": 590.0, "reason": "exit code 1; run 1 of 3"})
    assert lines["last run"] == "exit code 1; run 1 of 3"
    assert lines["next"].startswith("run 2 of 3 starts, in 1 min 30 s, at 2026-09-21 14:14:50")


def test_a_backend_that_is_not_configured_any_more_is_named() -> None:
    """A job whose backend was removed would wait for ever, and nobody would know for what."""
    lines = said(QUEUED, room="a backend hpc in orchestrator.toml, which has none of that name")
    assert lines["waits for"].startswith("a backend hpc in orchestrator.toml")
    assert lines["next"] == "nothing until that is mended"


@pytest.mark.parametrize(
    ("code", "then"),
    [
        ("user", f"{RELEASE} to go on, {CANCEL} to end it"),
        (
            "unknown",
            (
                f"look for orch-testhome-run000000001 at local; then {RELEASE} to look again,"
                f" `orchestrator adopt 7k2m4n6p8q9r REMOTE_ID` if it is there, {RETRY[:-1]}"
                f" --i-checked` if it is not, {CANCEL} to give it up"
            ),
        ),
        ("lost", f"{RETRY} for a new run, {CANCEL} to give it up"),
        ("input", f"{RETRY} takes the file as it is now, {CANCEL} gives the job up"),
        ("outputs", f"{RELEASE} to fetch them again, {RETRY} to run it again, {CANCEL} to end"),
    ],
)
def test_a_held_job_says_why_and_what_a_person_can_do(code: str, then: str) -> None:
    """A job that waits for a person would wait for ever."""
    job = {"want": Want.HOLD, "shown": Shown.HELD, "hold_code": code, "hold_reason": "because"}
    lines = said(job, {"state": RunState.UNKNOWN})
    assert lines["held"] == "because"
    assert lines["next"] == f"nothing by itself; {then}"
    assert "left alone" in lines["meanwhile"]


def test_of_a_stuck_run_it_says_where_to_look() -> None:
    """A person would be offered to adopt a run that has its name already, and be refused."""
    job = {"want": Want.HOLD, "shown": Shown.HELD, "hold_code": "unknown", "hold_reason": "stuck"}
    lines = said(job, {"state": RunState.RUNNING, "remote_id": "21/57"})
    assert lines["next"] == (
        f"nothing by itself; look for 21/57 at local; then {RELEASE} to look again, {RETRY[:-1]}"
        f" --i-checked` for a new run instead, {CANCEL} to give it up"
    )


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED])
def test_an_ended_job_says_why_where_and_whether_it_can_be_retried(state: JobState) -> None:
    """A retry would be offered for what succeeded, or results be promised that are not there."""
    job = {"state": state, "shown": Shown(state.upper()), "reason": "exit code 3"}
    lines = said(job, {"state": RunState.ENDED, "manifest_sha256": "0" * 64})
    assert lines["why"] == "exit code 3"
    assert lines["results"] == "/home/results/beam"
    assert (RETRY in lines["next"]) == (state is not JobState.SUCCEEDED)
    assert "results" not in said(job, {"state": RunState.ENDED})


def test_without_a_daemon_it_says_that_nothing_happens() -> None:
    """It would promise a next action that nobody takes."""
    assert said({}, {}, daemon=None)["but"].startswith("no daemon runs")
    assert "but" not in said({}, {})


def test_the_program_explains_a_queued_job(run: Run, bench: Bench) -> None:
    """The command would not read the configuration's limit or the queue before the job."""
    (bench.home.config).write_text("[backends.local]\nkind = 'local'\nmax_runs = 1\n")
    bench.running(bench.job(name="first"))
    bench.job(name="second")
    bench.job(name="third")
    answer = run("explain", "third")
    assert answer.returncode == 0
    lines = dict(line.split("  ", 1) for line in answer.stdout.splitlines())
    assert lines["waits for"].strip() == (
        "a free place on local, which takes 1 at once; before it in the queue: 1"
    )
    assert lines["but"].strip().startswith("no daemon runs")


def test_the_program_explains_what_comes_after(run: Run, bench: Bench) -> None:
    """`status` and `explain` would say of a waiting job that it was accepted, and no more."""
    mesh = bench.job(name="mesh")
    bench.job(name="solve", after=["mesh"])
    bench.running(mesh)
    words = f"mesh ({mesh}), which is running"
    assert re.search(
        rf"^waits for +{re.escape(words)}$", run("explain", "solve").stdout, re.MULTILINE
    )
    assert f"waits for {words}" in run("status").stdout
    assert words in run("status", "solve").stdout


def test_the_program_explains_with_a_broken_configuration(run: Run, bench: Bench) -> None:
    """One mistake in the configuration would take the explanation away when it is needed most."""
    bench.home.config.write_text("nonsense = true\n")
    bench.job()
    answer = run("explain", "beam")
    assert answer.returncode == 0
    assert "`orchestrator doctor` lists them" in answer.stdout


def test_the_program_explains_an_ended_and_a_held_job(run: Run, bench: Bench, home: Home) -> None:
    """The sentences would not match what is stored."""
    bench.finish(bench.job(name="bad"), Outcome.FAILED)
    held = bench.job(name="held")
    bench.move(bench.running(held), Event.ALIVE)
    bench.ask(Verb.HOLD, held)
    bad = run("explain", "bad").stdout
    assert "ended: failed" in bad
    assert str(home.results) in bad
    assert f"orchestrator release {held}" in run("explain", "held").stdout
