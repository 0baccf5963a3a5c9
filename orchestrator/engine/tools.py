"""What acts work with; all of it is handed in, so that a simulated world can be handed in too."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

import structlog.typing

from orchestrator.backend import Backend, BackendError, Run
from orchestrator.config.home import Home
from orchestrator.core import decide
from orchestrator.core.faults import StaleError
from orchestrator.core.lifecycle import Event, RunState
from orchestrator.core.now import Now
from orchestrator.core.work import Change, Work
from orchestrator.store import look, runs
from orchestrator.store.database import Database

T = TypeVar("T")

CALL_LIMIT = 120.0
"""Seconds within which every call of a backend must come back that moves no bytes, unless it takes
longer by its nature.
"""

TELL_FULL_AGAIN = 60.0  # seconds

CallError = BackendError | TimeoutError
"""How a call fails that may work later."""


def call_limit(backend: Backend) -> float:
    """Return the seconds within which a call of this backend must come back."""
    within = backend.traits.answers_within
    return CALL_LIMIT if within is None else within


class InThread(Protocol):
    """Runs a function that blocks on a worker thread."""

    def __call__(self, fn: Callable[[], T], /) -> Awaitable[T]:
        """Return what the function returns."""


@dataclass(frozen=True, slots=True)
class Place:
    """An open backend and how many runs may live on it at once."""

    backend: Backend
    max_runs: int


@dataclass(slots=True)
class Tools:
    """Everything an act needs. `u` draws a random number in [0, 1); `new_id` a fresh id.

    `lacks` says what is missing for anything new to begin, None when it may.
    """

    home: Home
    home_id: str
    db: Database
    places: Mapping[str, Place]
    now: Callable[[], Now]
    in_thread: InThread
    new_id: Callable[[], str]
    log: structlog.typing.FilteringBoundLogger
    keep_free: int = 0
    lacks: Callable[[], str | None] = lambda: None
    random: Random = field(default_factory=Random)
    stopping: bool = False
    full_told: float = -math.inf

    def tell_full(self, event: str, why: object) -> None:
        """Log it once a minute at most: whatever is due meets the same full disk."""
        now = self.now().steady
        if now >= self.full_told + TELL_FULL_AGAIN:
            self.full_told = now
            self.log.warning(event, error=str(why))

    def u(self) -> float:
        """Draw a number in [0, 1) for jitter."""
        return self.random.random()

    def backend(self, work: Work) -> Backend:
        """Return the backend of a run."""
        return self.places[work.backend].backend

    async def read(self, run: str) -> Work:
        """Read a run afresh."""
        return await self.db.read(look.work, run)

    async def move(self, work: Work, change: Change, **more: Any) -> None:
        """Write what an act came to. Raises StaleError."""
        await self.db.write(runs.move, work, change, self.now(), **more)

    async def move_on(self, work: Work, change: Change, **more: Any) -> Work:
        """Write a change that an act goes on from; return the run as it is then, or StaleError."""
        return await self.db.write(runs.move_on, work, change, self.now(), **more)

    def later(self, work: Work, event: Event, *errors: CallError) -> Change:
        """Try again after calls that failed, and not before the time that a service asked for."""
        asked = [error.retry_after for error in errors if isinstance(error, BackendError)]
        return decide.later(
            work,
            event,
            "; ".join(reason_of(error) for error in errors),
            self.now(),
            self.u(),
            retry_after=max((wait for wait in asked if wait is not None), default=None),
        )

    async def move_each(self, changes: Iterable[tuple[Work, Change]]) -> None:
        """Write many changes in one commit; one that is stale is left for the next turn."""
        now = self.now()
        await all_of(self.db.write(runs.move, work, change, now) for work, change in changes)


async def all_of(steps: Iterable[Awaitable[T]]) -> list[T]:
    """Do steps at once, and wait for all; return what those came to that were not stale.

    Raises what the first of the others raised, as it is: an exception group would hide it.
    """
    outcomes = await asyncio.gather(*steps, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, StaleError):
            raise outcome
    return [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]


def reason_of(error: CallError) -> str:
    """Return for people why a call failed."""
    return str(error) or "no answer in time"


def as_run(work: Work) -> Run:
    """Return the run as a backend is told of it."""
    limit = work.spec.limits.time
    return Run(
        key=work.key,
        job_id=work.job,
        job_name=work.name,
        number=work.number,
        options=work.spec.run,
        outputs=work.spec.outputs,
        time_limit=None if limit is None else limit.total_seconds(),
        remote_id=work.remote_id,
        memo=work.memo,
        live=work.state is RunState.RUNNING,
        after=work.after,
        stopping=work.stop is not None,
        stored=work.published,
    )
