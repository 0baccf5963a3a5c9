"""A live run together with its job, as the engine read it; and what is to be written of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import JsonValue

from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import Event, JobState, Outcome, RunState, Want
from orchestrator.core.spec import JobSpec

StopCause = Literal["cancel", "deadline", "time_limit"]

HoldCode = Literal["user", "unknown", "lost", "input", "outputs"]
"""Why a job is held: a person asked; a submit's outcome cannot be told; a run's end cannot be
told; an input changed after acceptance; outputs cannot be fetched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One run with the parts of its job that decisions need. Times are steady, except deadline."""

    job: str
    name: str
    backend: str
    want: Want
    spec: JobSpec
    runs_allowed: int
    deadline: float | None
    """Wall-clock seconds."""
    run: str
    key: str
    number: int
    state: RunState
    version: int
    tries: int
    """Tries in a row that did not get what the state asks for: the backoff grows with them."""
    misses: int = 0
    """Answers in this state that were no help; when there are many, a person is asked."""
    remote_id: str | None = None
    outcome: Outcome | None = None
    exit_code: int | None = None
    reason: str = ""
    stop: StopCause | None = None
    doubt_since: float | None = None
    started: float | None = None
    listed: bool = False
    forgotten: bool = False
    unstaged: int = 0
    """Inputs that have not been brought over yet."""
    suspect: bool = False
    """Restored from an earlier copy of the queue: it may have gone further than is known here."""
    spoilt: str | None = None
    """Why the end of a job that its job comes after makes it worthless, in words."""
    waits: Waits = Waits.NO
    """Whether not all that its job comes after have succeeded: then it was begun early."""
    after: tuple[str, ...] = ()
    """The remote ids of the runs behind which its place is to hold it back."""
    published: bool = False
    """Its results stand in the result store."""
    memo: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Hold:
    """A wish that a person looks: the code for programs, the reason for people."""

    code: HoldCode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one act comes to: an event of the lifecycle, and the fields that go with it.

    A field that is None leaves the stored value as it is. `job` tells what becomes of the job when
    the event ends the run; `job_due` is when its next run may start. `error` replaces the last
    error that `explain` shows. `missed` adds one to the run's misses, which any change of state
    sets back.
    """

    event: Event
    reason: str
    due: float
    tries: int = 0
    missed: bool = False
    error: str | None = None
    hold: Hold | None = None
    remote_id: str | None = None
    memo: Mapping[str, JsonValue] | None = None
    outcome: Outcome | None = None
    exit_code: int | None = None
    stop: StopCause | None = None
    doubt_since: float | None = None
    started: float | None = None
    job: JobState | None = None
    job_due: float | None = None
