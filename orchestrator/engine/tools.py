"""What acts work with; all of it is handed in, so that a simulated world can be handed in too."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeVar

import structlog.typing

from orchestrator.backend import Backend, Run
from orchestrator.config.home import Home
from orchestrator.core.faults import StaleError
from orchestrator.core.now import Now
from orchestrator.core.work import Change, Work
from orchestrator.store import look, runs
from orchestrator.store.database import Database

T = TypeVar("T")

CALL_LIMIT = 120.0
"""Seconds within which every call of a backend but a submit must come back."""


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
    """Everything an act needs. `u` draws a random number in [0, 1); `new_id` a fresh id."""

    home: Home
    home_id: str
    db: Database
    places: Mapping[str, Place]
    now: Callable[[], Now]
    in_thread: InThread
    new_id: Callable[[], str]
    log: structlog.typing.FilteringBoundLogger
    keep_free: int = 0
    random: Random = field(default_factory=Random)
    stopping: bool = False

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

    async def move_on(self, work: Work, change: Change) -> Work:
        """Write a change that an act goes on from; return the run as it is then."""
        await self.move(work, change)
        return await self.read(work.run)

    async def move_each(self, changes: Iterable[tuple[Work, Change]]) -> None:
        """Write many changes in one commit; one that is stale is left for the next turn."""
        now = self.now()
        writes = [self.db.write(runs.move, work, change, now) for work, change in changes]
        for outcome in await asyncio.gather(*writes, return_exceptions=True):
            if isinstance(outcome, BaseException) and not isinstance(outcome, StaleError):
                raise outcome


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
    )
