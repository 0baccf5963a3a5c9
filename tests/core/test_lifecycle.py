"""The one table of moves: complete, without dead ends, and the same in the database."""

import pytest

from orchestrator.core.lifecycle import (
    MOVES,
    Event,
    IllegalMoveError,
    JobState,
    RunState,
    Shown,
    Want,
    shown,
    target,
)


def test_each_event_leads_to_one_state() -> None:
    """Which row counts would be chance."""
    pairs = [(move.source, move.event) for move in MOVES]
    assert len(pairs) == len(set(pairs))
    assert {move.event for move in MOVES} == set(Event)
    assert all(move.why for move in MOVES)


def test_every_state_but_the_end_has_a_way_to_the_end() -> None:
    """A run could get into a state that nothing ever brings it out of."""
    reach = {RunState.ENDED}
    while more := {m.source for m in MOVES if m.target in reach} - reach:
        reach |= more
    assert reach == set(RunState)
    assert not [move for move in MOVES if move.source is RunState.ENDED]


def test_work_starts_only_after_the_intent() -> None:
    """There would be a way to a run under way that no committed intent lies on."""
    ways_in = {move.source for move in MOVES if move.target is RunState.RUNNING}
    assert ways_in == {RunState.SUBMITTING, RunState.UNKNOWN, RunState.RUNNING}
    assert {m.event for m in MOVES if m.target is RunState.SUBMITTING} == {Event.STAGED}


def test_a_move_without_a_row_is_refused() -> None:
    """A slip in the engine would be written as if it were a fact."""
    with pytest.raises(IllegalMoveError, match="no legal move from ended on 'finished'"):
        target(RunState.ENDED, Event.FINISHED)


@pytest.mark.parametrize(
    ("job", "want", "run", "word"),
    [
        (JobState.QUEUED, Want.RUN, None, Shown.QUEUED),
        (JobState.QUEUED, Want.HOLD, None, Shown.HELD),
        (JobState.ACTIVE, Want.RUN, RunState.UNKNOWN, Shown.UNKNOWN),
        (JobState.ACTIVE, Want.HOLD, RunState.RUNNING, Shown.HELD),
        (JobState.ACTIVE, Want.CANCEL, RunState.RUNNING, Shown.CANCELLING),
        (JobState.SUCCEEDED, Want.RUN, None, Shown.SUCCEEDED),
    ],
)
def test_people_see_the_wish_before_the_state(
    job: JobState, want: Want, run: RunState | None, word: Shown
) -> None:
    """A held job would look as if it were being worked on."""
    assert shown(job, want, run) is word


def test_a_job_between_two_runs_is_waiting() -> None:
    """A job that has failed once would look as if it had never been tried."""
    assert shown(JobState.QUEUED, Want.RUN, None, waiting=True) is Shown.WAITING
