"""What an act comes to: every decision, on plain values."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest

from orchestrator.core import decide
from orchestrator.core.lifecycle import Event, JobState, Outcome, RunState, Want
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec, Limits, Retry
from orchestrator.core.work import Work

NOW = Now(steady=1000.0, wall=50_000.0)
U = 0.5


def work(**fields: Any) -> Work:
    """Return a run that nothing is wrong with, with some fields as given."""
    limits, retry = fields.pop("limits", Limits()), fields.pop("retry", Retry())
    plain: dict[str, Any] = {
        "job": "j", "name": "wing", "backend": "there", "want": Want.RUN, "runs_allowed": 1,
        "spec": JobSpec(name="wing", run={}, limits=limits, retry=retry), "deadline": None,
        "run": "r", "key": "orch-homehome-r", "number": 1, "state": RunState.RUNNING,
        "version": 1, "tries": 0, "memo": {},
    }  # fmt: skip
    return Work(**plain | fields)


# ── when to stop ──


@pytest.mark.parametrize(
    ("fields", "keeps", "cause"),
    [
        ({}, False, None),
        ({"want": Want.CANCEL}, False, "cancel"),
        ({"deadline": 50_001.0}, False, None),
        ({"deadline": 50_000.0}, False, "deadline"),
        ({"limits": Limits(time=timedelta(seconds=100)), "started": 900.0}, False, "time_limit"),
        ({"limits": Limits(time=timedelta(seconds=100)), "started": 901.0}, False, None),
        ({"limits": Limits(time=timedelta(seconds=100)), "started": 900.0}, True, None),
        ({"limits": Limits(time=timedelta(seconds=100))}, False, None),
    ],
)
def test_a_run_is_stopped_when_it_is_due_and_not_before(
    fields: dict[str, Any], cause: str | None, *, keeps: bool
) -> None:
    """A run would be cut off too early, or never."""
    assert decide.stop_due(work(**fields), NOW, keeps_time_limit=keeps) == cause


@pytest.mark.parametrize(
    ("cause", "outcome", "job"),
    [
        ("cancel", Outcome.CANCELLED, JobState.CANCELLED),
        ("deadline", Outcome.TIMED_OUT, JobState.FAILED),
    ],
)
def test_what_was_not_started_is_dropped(
    cause: Literal["cancel", "deadline"], outcome: Outcome, job: JobState
) -> None:
    """A job that nobody wants any more would still be started."""
    change = decide.drop(cause, NOW)
    assert (change.event, change.outcome, change.job) == (Event.DROPPED, outcome, job)


# ── a doubtful submit ──


def test_a_doubt_is_dated_and_looked_into_at_once() -> None:
    """The window after which absence is proof would have no beginning."""
    change = decide.doubt(work(tries=3), "no answer", NOW)
    assert (change.event, change.due, change.doubt_since) == (Event.DOUBTFUL, 1000.0, 1000.0)
    assert change.tries == 3


def test_absence_within_the_window_is_no_proof() -> None:
    """A request that the service still holds would be sent a second time: the job runs twice."""
    change = decide.absent(work(doubt_since=950.0, tries=2), "not listed", 60.0, NOW, U)
    assert (change.event, change.due, change.tries) == (Event.UNCLEAR, 1010.0, 2)
    assert change.hold is None


def test_absence_after_the_window_is_proof() -> None:
    """A lost request would never be sent again."""
    change = decide.absent(work(doubt_since=940.0, tries=2), "not listed", 60.0, NOW, U)
    assert (change.event, change.tries) == (Event.ABSENT, 3)
    assert change.due > NOW.steady


def test_absence_is_never_proof_where_the_kind_cannot_prove_it() -> None:
    """The job would run twice on a service that lists nothing."""
    doubtful = work(doubt_since=0.0)
    assert decide.absent(doubtful, "not listed", None, NOW, U).event is Event.UNCLEAR
    held = decide.absent(replace(doubtful, misses=11), "not listed", None, NOW, U).hold
    assert held is not None
    assert held.code == "unknown"


@pytest.mark.parametrize("window", [0.0, 60.0, None])
def test_of_a_restored_run_absence_proves_nothing(window: float | None) -> None:
    """A run that was published and forgotten after the copy was made would be started again."""
    suspect = work(state=RunState.UNKNOWN, doubt_since=0.0, suspect=True)
    change = decide.absent(suspect, "not listed", window, NOW, U)
    assert (change.event, change.missed) == (Event.UNCLEAR, True)
    assert change.hold is not None
    assert change.hold.code == "unknown"
    assert "not listed; but the queue was restored" in change.hold.reason
    given_up = decide.absent(replace(suspect, want=Want.CANCEL), "not listed", window, NOW, U)
    assert (given_up.event, given_up.outcome) == (Event.GIVEN_UP, Outcome.ABANDONED)


def test_a_restored_run_that_failed_brings_no_next_one_by_itself() -> None:
    """The next one may have been started, and have ended, after the copy was made."""
    retry = Retry(attempts=3, on=frozenset(["failed"]))
    failed = work(state=RunState.HARVESTING, outcome=Outcome.FAILED, runs_allowed=3, retry=retry)
    assert decide.published(failed, NOW).hold is None
    change = decide.published(replace(failed, suspect=True), NOW)
    assert change.job is JobState.QUEUED
    assert change.hold is not None
    assert (change.hold.code, "was restored" in change.hold.reason) == ("unknown", True)
    done = replace(failed, suspect=True, outcome=Outcome.SUCCEEDED)
    assert decide.published(done, NOW).hold is None


def test_an_absent_run_that_nobody_wants_ends() -> None:
    """A cancelled job would be submitted again after its absence was proved."""
    cancelled = work(doubt_since=900.0, want=Want.CANCEL)
    change = decide.absent(cancelled, "not listed", 60.0, NOW, U)
    assert (change.event, change.job) == (Event.DROPPED, JobState.CANCELLED)


@pytest.mark.parametrize("decision", [decide.unclear, decide.unfetchable])
def test_a_person_is_asked_after_a_dozen_answers_that_are_no_help(decision: Any) -> None:
    """A person would be called for nothing, or never."""
    patient = decision(work(misses=10, tries=40), "no idea", NOW, U)
    assert patient.hold is None
    assert patient.missed
    assert patient.due > NOW.steady

    held = decision(work(misses=11), "no idea", NOW, U)
    assert held.hold is not None
    assert "no idea" in held.hold.reason


@pytest.mark.parametrize("decision", [decide.unclear, decide.unfetchable])
def test_a_cancel_ends_what_no_answer_will_settle(decision: Any) -> None:
    """`cancel` would be offered as a way out, and lead back to the same hold."""
    change = decision(work(misses=11, want=Want.CANCEL), "no idea", NOW, U)
    assert (change.event, change.job) == (Event.GIVEN_UP, JobState.CANCELLED)
    assert change.outcome is Outcome.ABANDONED


def test_giving_up_outputs_keeps_how_the_run_ended() -> None:
    """A run that failed would be recorded as one of which nothing is known."""
    failed = work(misses=11, want=Want.CANCEL, outcome=Outcome.FAILED)
    assert decide.unfetchable(failed, "gone", NOW, U).outcome is Outcome.FAILED


# ── while it runs ──


def test_the_next_look_is_not_later_than_a_limit() -> None:
    """A run would go on for minutes after its time limit or deadline."""
    old = work(started=0.0, limits=Limits(time=timedelta(seconds=1005)))
    assert decide.alive(old, "", NOW, U, hints=False).due == 1005.0
    late = work(started=0.0, deadline=50_007.0)
    assert decide.alive(late, "", NOW, U, hints=False).due == 1007.0


def test_a_run_asked_to_stop_is_looked_at_until_it_has() -> None:
    """A cancelled run would be taken for ended, or asked about in a busy loop."""
    change = decide.alive(work(started=0.0, stop="cancel", tries=2), "", NOW, U, hints=False)
    assert (change.event, change.tries) == (Event.ALIVE, 3)
    assert "not ended yet" in str(change.error)


def test_a_lost_run_waits_for_a_person() -> None:
    """A run that may have done half its work would be run again by itself."""
    change = decide.lost(work(retry=Retry(attempts=5), runs_allowed=5), "reboot", NOW)
    assert change.hold is not None
    assert change.hold.code == "lost"
    assert change.event is Event.ALIVE


def test_a_lost_run_that_was_cancelled_ends() -> None:
    """A person would be asked what he has already answered."""
    change = decide.lost(work(want=Want.CANCEL), "reboot", NOW)
    assert (change.event, change.outcome, change.job) == (
        Event.GIVEN_UP,
        Outcome.LOST,
        JobState.CANCELLED,
    )


@pytest.mark.parametrize(
    ("ok", "stopped", "stop", "outcome"),
    [
        (True, None, None, Outcome.SUCCEEDED),
        (False, None, None, Outcome.FAILED),
        (True, None, "cancel", Outcome.SUCCEEDED),  # it won the race against the stop
        (False, "cancel", "cancel", Outcome.CANCELLED),
        (False, "cancel", None, Outcome.CANCELLED),  # somebody stopped it over there
        (False, "cancel", "deadline", Outcome.TIMED_OUT),
        (False, "cancel", "time_limit", Outcome.TIMED_OUT),
        (False, "time_limit", None, Outcome.TIMED_OUT),
        (False, "time_limit", "cancel", Outcome.TIMED_OUT),
    ],
)
def test_an_end_is_told_as_it_was(ok: bool, stopped: Any, stop: Any, outcome: Outcome) -> None:  # noqa: FBT001 - a column of the table
    """A cancelled run would count as failed and be run again, or a finished one as cancelled."""
    change = decide.finished(work(stop=stop), ok=ok, why="", exit_code=0, stopped=stopped, now=NOW)
    assert (change.event, change.outcome) == (Event.FINISHED, outcome)


# ── what becomes of the job ──


@pytest.mark.parametrize(
    ("outcome", "fields", "job"),
    [
        (Outcome.SUCCEEDED, {}, JobState.SUCCEEDED),
        (Outcome.SUCCEEDED, {"want": Want.CANCEL}, JobState.SUCCEEDED),
        (Outcome.FAILED, {}, JobState.FAILED),
        (Outcome.FAILED, {"runs_allowed": 2}, JobState.QUEUED),
        (Outcome.FAILED, {"runs_allowed": 2, "number": 2}, JobState.FAILED),
        (Outcome.FAILED, {"runs_allowed": 2, "want": Want.CANCEL}, JobState.CANCELLED),
        (Outcome.FAILED, {"runs_allowed": 2, "deadline": 50_000.0}, JobState.FAILED),
        (Outcome.TIMED_OUT, {"runs_allowed": 2}, JobState.FAILED),
        (
            Outcome.TIMED_OUT,
            {"runs_allowed": 2, "retry": Retry(on=frozenset({"timed_out"}))},
            JobState.QUEUED,
        ),
        (Outcome.CANCELLED, {"runs_allowed": 2}, JobState.CANCELLED),
    ],
)
def test_the_job_goes_on_only_where_its_spec_says_so(
    outcome: Outcome, fields: dict[str, Any], job: JobState
) -> None:
    """A job would be run more often than asked for, or not as often."""
    change = decide.published(work(outcome=outcome, state=RunState.HARVESTING, **fields), NOW)
    assert (change.event, change.job) == (Event.PUBLISHED, job)
    if job is JobState.QUEUED:
        assert change.job_due == NOW.steady + 10.0
