"""What a job comes after: when it may start, what spoils it, and the words for both."""

from dataclasses import replace

import pytest

from orchestrator.core.after import (
    Earlier,
    Waits,
    hindrance,
    in_words,
    met,
    remote_ids,
    spoiled_by,
    waits,
)
from orchestrator.core.lifecycle import JobState, Outcome, Shown

OPEN = Earlier(word="mesh")
QUEUED = Earlier(
    word="mesh", job="m1", name="mesh", backend="tcp", state=JobState.QUEUED, shown=Shown.QUEUED
)
LIVE = replace(QUEUED, state=JobState.ACTIVE, shown=Shown.RUNNING, remote_id="r-1", last=True)
DONE = replace(QUEUED, state=JobState.SUCCEEDED, shown=Shown.SUCCEEDED)
FAILED = replace(QUEUED, state=JobState.FAILED, shown=Shown.FAILED)
CANCELLED = replace(QUEUED, state=JobState.CANCELLED, shown=Shown.CANCELLED)
HARVESTED = replace(LIVE, outcome=Outcome.SUCCEEDED)
BAD = [
    replace(LIVE, last=False),  # an automatic retry would be another run
    replace(LIVE, lost=True),
    replace(LIVE, spoilt=True),
    replace(LIVE, remote_id=None),
    replace(LIVE, backend="cloudhpc"),
    *[replace(LIVE, outcome=it) for it in Outcome if it is not Outcome.SUCCEEDED],
    OPEN,
    QUEUED,
    FAILED,
]


@pytest.mark.parametrize(
    ("earlier", "expected"),
    [
        ([], Waits.NO),
        ([DONE], Waits.NO),
        ([DONE, DONE], Waits.NO),
        ([DONE, OPEN], Waits.YES),
        ([QUEUED], Waits.YES),
        ([CANCELLED, DONE], Waits.YES),
        ([LIVE], Waits.BEHIND),
        ([HARVESTED, DONE, LIVE], Waits.BEHIND),
        ([LIVE, QUEUED], Waits.YES),
    ],
)
def test_a_job_waits_until_all_before_it_have_succeeded(
    earlier: list[Earlier], expected: Waits
) -> None:
    """A job would compute with the mesh of a job that failed, or wait for ever."""
    assert waits(earlier, "tcp") is expected


@pytest.mark.parametrize("bad", BAD)
def test_a_run_is_given_early_only_behind_runs_that_decide_alone(bad: Earlier) -> None:
    """A place would hold a run back behind one that is not what the job waits for."""
    assert waits([LIVE, bad], "tcp") is Waits.YES


@pytest.mark.parametrize("earlier", [[DONE], [LIVE, OPEN], [replace(LIVE, lost=True)], [QUEUED]])
def test_what_may_yet_succeed_is_no_hindrance(earlier: list[Earlier]) -> None:
    """A job would be given up though the one before it is retried at this moment."""
    assert hindrance(earlier) is None


def test_the_first_that_failed_is_named() -> None:
    """A person would look for the cause in the wrong job."""
    assert hindrance([DONE, FAILED, CANCELLED]) == "mesh (m1), which it comes after, failed"
    assert hindrance([LIVE, CANCELLED]) == "mesh (m1), which it comes after, was cancelled"


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (replace(LIVE, lost=True), "is held: how its run ended is lost"),
        (replace(LIVE, spoilt=True), "will not succeed either"),
        (replace(LIVE, outcome=Outcome.TIMED_OUT), "has a run that ended: timed_out"),
        (QUEUED, "is given another run"),
        (replace(LIVE, last=False), "is given another run"),
        (FAILED, "failed"),
    ],
)
def test_what_spoils_a_run_is_told(bad: Earlier, words: str) -> None:
    """A run that was stopped for another's sake would look as if it had failed by itself."""
    said = spoiled_by([DONE, HARVESTED, LIVE, bad], "tcp")
    assert said == f"mesh (m1), which it comes after, {words}"


def test_a_place_is_told_each_run_once_and_in_order() -> None:
    """A service would refuse the submit, or wait for a run that has ended long ago."""
    two = replace(LIVE, word="m1", remote_id="r-2")
    again = replace(LIVE, word="m1")
    done = replace(DONE, remote_id="r-0")
    assert remote_ids([two, done, LIVE, again, OPEN]) == ("r-2", "r-1")


def test_what_a_job_waits_for_is_said_in_words() -> None:
    """A person would see a job wait and not know for what."""
    assert in_words([OPEN, DONE]) == "a job named mesh: none was taken yet"
    assert in_words([DONE, LIVE, QUEUED]) == (
        "mesh (m1), which is running; mesh (m1), which is queued"
    )
    unknown = replace(LIVE, shown=Shown.UNKNOWN)
    assert in_words([unknown]) == "mesh (m1), which is in doubt"
    three = "; ".join(["mesh (m1), which is queued"] * 3)
    assert in_words([QUEUED] * 3) == three
    assert in_words([QUEUED] * 5) == f"{three}; and 2 more"
    assert met([DONE] * 4).endswith(": mesh (m1); mesh (m1); mesh (m1); and 1 more")
