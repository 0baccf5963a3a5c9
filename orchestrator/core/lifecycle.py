"""Every state of a job and of a run, and every legal move between them.

This one table is at once the dispatch table of the engine, the documentation and the diagram in
the README, and the database repeats it: `store/schema/` refuses a move that has no row here.
"""

from enum import StrEnum
from typing import NamedTuple


class JobState(StrEnum):
    """Where an accepted job stands. Hold and cancel are wishes beside it, not states."""

    # No live run; the engine starts one when `due` has come, a slot is free, and no other run has
    # what it needs to itself.
    QUEUED = "queued"
    ACTIVE = "active"  # has a live run; the run's own state says what happens next
    SUCCEEDED = "succeeded"  # final: its last run's results are published
    FAILED = "failed"  # final, until a person asks for a retry
    CANCELLED = "cancelled"  # final, until a person asks for a retry

    @property
    def is_final(self) -> bool:
        """Whether nothing moves this job any more unless a person asks."""
        return self in {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED}


class RunState(StrEnum):
    """Where one attempt stands. The comment names who moves a run out of the state."""

    STAGING = "staging"  # the engine: takes the next staging step, then records the intent
    SUBMITTING = (
        "submitting"  # the one submit call in flight; found at rest, its outcome is doubtful
    )
    UNKNOWN = "unknown"  # the engine: asks the backend for our key until it can tell
    RUNNING = "running"  # the engine: polls until the backend reports an end
    HARVESTING = "harvesting"  # the engine: fetches outputs, then publishes them
    ENDED = "ended"  # nobody: a retry is a new run


class Want(StrEnum):
    """What is wished for a job, by a person or by the daemon that needs one."""

    RUN = "run"
    HOLD = "hold"
    CANCEL = "cancel"


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"  # the work itself failed
    TIMED_OUT = "timed_out"  # stopped by us at its time limit or deadline
    CANCELLED = "cancelled"  # stopped because a person asked
    REJECTED = "rejected"  # the backend refused it before any effect
    LOST = "lost"  # proved to have ended, but how cannot be known
    ABANDONED = "abandoned"  # a person gave it up without proof that it ended


class Event(StrEnum):
    """What happened to a run."""

    STAGE_STEP = "stage step"
    STAGED = "staged"
    NOT_SENT = "not sent"
    REFUSED = "refused"
    ACCEPTED = "accepted"
    DOUBTFUL = "doubtful"
    FOUND = "found"
    ADOPTED = "adopted"
    ABSENT = "absent"
    UNCLEAR = "unclear"
    ALIVE = "alive"
    STOPPING = "stopping"
    FINISHED = "finished"
    HARVEST_STEP = "harvest step"
    PUBLISHED = "published"
    DROPPED = "dropped"
    GIVEN_UP = "given up"


class Move(NamedTuple):
    """One legal move of a run: from a state, on an event, to a state, and why it is legal."""

    source: RunState
    event: Event
    target: RunState
    why: str


_S, _U, _K = RunState.STAGING, RunState.SUBMITTING, RunState.UNKNOWN
_R, _H, _E = RunState.RUNNING, RunState.HARVESTING, RunState.ENDED

MOVES: tuple[Move, ...] = (
    Move(_S, Event.STAGE_STEP, _S, "an input was brought over, or is tried again later"),
    Move(_S, Event.STAGED, _U, "all inputs are there: the intent is committed before the call"),
    Move(_S, Event.REFUSED, _E, "an input or option was refused; nothing was started"),
    Move(_S, Event.DROPPED, _E, "cancelled before anything was started"),
    Move(_S, Event.GIVEN_UP, _E, "a person asked for a new run instead"),
    Move(_U, Event.ACCEPTED, _R, "the backend took it and named it"),
    Move(_U, Event.NOT_SENT, _S, "provably nothing was started: the call is made again"),
    Move(_U, Event.REFUSED, _E, "the backend refused it before any effect"),
    Move(_U, Event.DOUBTFUL, _K, "no proof either way: it is looked for, never guessed"),
    Move(_K, Event.FOUND, _R, "the backend knows our key"),
    Move(_K, Event.ADOPTED, _R, "a person found it at the backend and named it"),
    Move(_K, Event.ABSENT, _S, "provably absent: submitted again under the same key"),
    Move(_K, Event.UNCLEAR, _K, "still no proof: looked for again, or held for a person"),
    Move(_K, Event.DROPPED, _E, "cancelled, and provably nothing was started"),
    Move(_K, Event.GIVEN_UP, _E, "a person checked and asked for a new run, or cancelled"),
    Move(_R, Event.ALIVE, _R, "still there, or no answer: silence changes nothing"),
    Move(_R, Event.STOPPING, _R, "a stop was wished for: the wish is kept before the call"),
    Move(_R, Event.FINISHED, _H, "the backend reported an end: its outputs are fetched"),
    Move(_R, Event.GIVEN_UP, _E, "lost or stuck, and a person asked for a new run or a cancel"),
    Move(_H, Event.HARVEST_STEP, _H, "an output was fetched, or is tried again later"),
    Move(_H, Event.PUBLISHED, _E, "the results are whole, synced and visible"),
    Move(_H, Event.GIVEN_UP, _E, "a person gave up on outputs that cannot be fetched"),
)

_TARGETS = {(move.source, move.event): move.target for move in MOVES}


class IllegalMoveError(Exception):
    """An event that has no row in the table for this state: a fault in this program."""


def target(source: RunState, event: Event) -> RunState:
    """Return the state a run is in after an event; raise IllegalMoveError without a row for it."""
    try:
        return _TARGETS[source, event]
    except KeyError:
        raise IllegalMoveError(f"no legal move from {source} on '{event}'") from None


class Shown(StrEnum):
    """What people see: derived from job, run and wish, never stored as a state."""

    QUEUED = "QUEUED"
    # Queued, for other jobs to succeed, for what another job has to itself, or for its next try.
    WAITING = "WAITING"
    STAGING = "STAGING"
    SUBMITTING = "SUBMITTING"
    UNKNOWN = "UNKNOWN"
    RUNNING = "RUNNING"
    HARVESTING = "HARVESTING"
    CANCELLING = "CANCELLING"
    HELD = "HELD"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    REJECTED = "REJECTED"  # a drop that never became a job; only in the history


def shown(job: JobState, want: Want, run: RunState | None, *, waiting: bool = False) -> Shown:
    """Return the word people see for a job.

    `run` is the state of its live run, None without one; `waiting` says that a queued job waits for
    others, for what another has to itself, or, having been run before, for its next try.
    """
    if job.is_final:
        return Shown(job.value.upper())
    if want is Want.HOLD:
        return Shown.HELD
    if want is Want.CANCEL:
        return Shown.CANCELLING
    if run is None:
        return Shown.WAITING if waiting else Shown.QUEUED
    return Shown(run.value.upper())
