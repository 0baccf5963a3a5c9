"""What an end comes to: every decision, whole, on plain values."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.core import decide
from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import Event, JobState, Outcome, Want
from orchestrator.core.spec import Retry
from orchestrator.core.work import Change, Hold
from tests.core.deciding import ENDS, NOW, SPOILT, STAYS, work

# ── when it has ended ──


@pytest.mark.parametrize(
    ("ok", "stopped", "stop", "outcome", "reason"),
    [
        (True, None, None, Outcome.SUCCEEDED, "exit 3"),
        (False, None, None, Outcome.FAILED, "exit 3"),
        (
            True,
            None,
            "cancel",
            Outcome.SUCCEEDED,
            "exit 3; it ended by itself, although it was to be stopped",
        ),
        (
            False,
            None,
            "cancel",
            Outcome.FAILED,
            "exit 3; it ended by itself, although it was to be stopped",
        ),
        (
            True,
            None,
            "deadline",
            Outcome.SUCCEEDED,
            "exit 3; it ended by itself, after its deadline",
        ),
        (
            True,
            None,
            "time_limit",
            Outcome.SUCCEEDED,
            "exit 3; it ended by itself, after its time limit",
        ),
        (False, "cancel", "cancel", Outcome.CANCELLED, "stopped on request (exit 3)"),
        # somebody stopped it over there
        (False, "cancel", None, Outcome.CANCELLED, "stopped on request (exit 3)"),
        (False, "cancel", "deadline", Outcome.TIMED_OUT, "stopped at its deadline (exit 3)"),
        (False, "cancel", "time_limit", Outcome.TIMED_OUT, "stopped at its time limit (exit 3)"),
        (False, "time_limit", None, Outcome.TIMED_OUT, "stopped at its time limit (exit 3)"),
        (False, "time_limit", "cancel", Outcome.TIMED_OUT, "stopped at its time limit (exit 3)"),
    ],
)
def test_an_end_is_told_as_it_was(
    ok: bool,  # noqa: FBT001 - a column of the table
    stopped: Any,
    stop: Any,
    outcome: Outcome,
    reason: str,
) -> None:
    """A cancelled run would count as failed and be run again, or a finished one as cancelled."""
    change = decide.finished(
        work(stop=stop), ok=ok, why="exit 3", exit_code=3, stopped=stopped, now=NOW
    )
    assert change == ENDS(event=Event.FINISHED, reason=reason, outcome=outcome, exit_code=3)


def test_what_was_stopped_for_another_says_so() -> None:
    """A person would be said to have stopped a run that he never touched."""
    stopped = work(stop="cancel", spoilt=SPOILT)
    change = decide.finished(
        stopped, ok=False, why="exit 3", exit_code=3, stopped="cancel", now=NOW
    )
    assert (change.outcome, change.reason) == (Outcome.CANCELLED, f"stopped: {SPOILT} (exit 3)")


# ── runs that were begun before what they come after had succeeded ──


@pytest.mark.parametrize(
    "fields",
    [
        {"outcome": Outcome.SUCCEEDED},
        {"outcome": Outcome.FAILED, "spoilt": SPOILT, "waits": Waits.YES},
        {"outcome": Outcome.CANCELLED, "spoilt": SPOILT, "waits": Waits.YES},
        {"outcome": Outcome.FAILED, "waits": Waits.BEHIND},
    ],
)
def test_what_has_ended_otherwise_waits_for_nobody(fields: dict[str, Any]) -> None:
    """The logs of a failed run would be kept from the person who looks for the cause."""
    assert decide.held_back(work(**fields), NOW) is None


def test_a_success_waits_for_those_before_it() -> None:
    """A job would be called a success, and the mesh it worked on a failure an hour later."""
    done = work(outcome=Outcome.SUCCEEDED, waits=Waits.BEHIND)
    assert decide.held_back(done, NOW) == STAYS(event=Event.HARVEST_STEP, due=4600.0)


def test_a_success_that_waits_is_cancelled_at_once() -> None:
    """A cancel would wait for days, for other jobs, and what the run has to itself with it."""
    done = work(outcome=Outcome.SUCCEEDED, waits=Waits.YES, want=Want.CANCEL)
    why = "cancelled on request, before what it comes after succeeded (as it was)"
    change = decide.held_back(done, NOW)
    assert change == ENDS(
        event=Event.HARVEST_STEP, reason=why, outcome=Outcome.CANCELLED, stop="cancel"
    )


@pytest.mark.parametrize("waits", Waits)
def test_a_success_that_was_spoilt_is_none(waits: Waits) -> None:
    """Somebody would rely on what was computed from a bad mesh; or it would be computed again."""
    done = work(outcome=Outcome.SUCCEEDED, waits=waits, spoilt=SPOILT, runs_allowed=3)
    change = decide.held_back(done, NOW)
    assert change == ENDS(
        event=Event.HARVEST_STEP, reason=f"as it was; but {SPOILT}", outcome=Outcome.FAILED
    )
    failed = decide.published(replace(done, outcome=Outcome.FAILED), NOW)
    assert failed.job is JobState.FAILED


@pytest.mark.parametrize(
    ("outcome", "fields", "job"),
    [
        (Outcome.SUCCEEDED, {}, JobState.SUCCEEDED),
        (Outcome.SUCCEEDED, {"want": Want.CANCEL}, JobState.SUCCEEDED),
        (Outcome.FAILED, {}, JobState.FAILED),
        (None, {}, JobState.FAILED),
        (Outcome.FAILED, {"runs_allowed": 2, "number": 2}, JobState.FAILED),
        (Outcome.FAILED, {"runs_allowed": 2, "want": Want.CANCEL}, JobState.CANCELLED),
        (Outcome.FAILED, {"runs_allowed": 2, "deadline": 50_000.0}, JobState.FAILED),
        (Outcome.TIMED_OUT, {"runs_allowed": 2}, JobState.FAILED),
        (Outcome.CANCELLED, {"runs_allowed": 2}, JobState.CANCELLED),
    ],
)
def test_the_job_ends_where_its_spec_says_so(
    outcome: Outcome | None, fields: dict[str, Any], job: JobState
) -> None:
    """A job would be run more often than asked for."""
    change = decide.published(work(outcome=outcome, **fields), NOW)
    assert change == STAYS(event=Event.PUBLISHED, due=1000.0, job=job, job_due=1000.0)


@pytest.mark.parametrize(
    ("outcome", "fields", "after", "which"),
    [
        (Outcome.FAILED, {"runs_allowed": 2}, 10.0, "1 of 2"),
        (Outcome.FAILED, {"runs_allowed": 5, "number": 3}, 40.0, "3 of 5"),
        (Outcome.FAILED, {"runs_allowed": 2, "deadline": 50_001.0}, 10.0, "1 of 2"),
        (
            Outcome.TIMED_OUT,
            {"runs_allowed": 2, "retry": Retry(on=frozenset({"timed_out"}))},
            10.0,
            "1 of 2",
        ),
    ],
)
def test_the_job_goes_on_where_its_spec_says_so(
    outcome: Outcome, fields: dict[str, Any], after: float, which: str
) -> None:
    """A job would not be run as often as asked for, or again without a pause."""
    assert decide.published(work(outcome=outcome, **fields), NOW) == Change(
        event=Event.PUBLISHED,
        reason=f"as it was; run {which}",
        due=1000.0,
        job=JobState.QUEUED,
        job_due=1000.0 + after,
    )


def test_a_restored_run_that_failed_brings_no_next_one_by_itself() -> None:
    """The next one may have been started, and have ended, after the copy was made."""
    failed = work(outcome=Outcome.FAILED, runs_allowed=3)
    reason = (
        "as it was; run 1 of 3; the queue was restored: it may have been started since without"
        " this queue knowing; look, then release to run it, cancel to give it up"
    )
    change = decide.published(replace(failed, suspect=True), NOW)
    assert change == replace(decide.published(failed, NOW), hold=Hold("unknown", reason))
    done = work(outcome=Outcome.SUCCEEDED, suspect=True)
    assert decide.published(done, NOW).hold is None


def test_what_people_should_know_of_the_results_is_in_the_reason() -> None:
    """A person would look for files that were not unpacked, and find no reason anywhere."""
    notes = ["a.zip was not unpacked", "b.zip neither"]
    done = decide.published(work(outcome=Outcome.SUCCEEDED), NOW, notes)
    assert done.reason == "as it was; a.zip was not unpacked; b.zip neither"
    failed = decide.published(work(outcome=Outcome.FAILED, runs_allowed=2), NOW, notes[:1])
    assert failed.reason == "as it was; a.zip was not unpacked; run 1 of 2"
