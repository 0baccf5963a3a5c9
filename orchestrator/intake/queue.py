"""What intake needs of the queue, and what one scan came to."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from orchestrator.core.intake import NewJob, Rejection, Request
from orchestrator.core.spec import JobSpec
from orchestrator.spool import Deferred


class Queue(Protocol):
    """The queue, as intake sees it. Every method may be repeated after a crash with the same id.

    A method that returns has committed and synced; any of them may raise DiskFullError, and then
    has changed nothing.
    """

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that are jobs."""

    async def accept(self, job: NewJob) -> bool:
        """Take a job in; False: a job with this id is there already."""

    async def has(self, word: str) -> bool:
        """Whether a word names a job: its id, the beginning of its id, or its name."""

    async def reject(self, rejection: Rejection) -> None:
        """Keep one line of history about a refused drop."""

    async def apply(self, request: Request) -> str | None:
        """Do what is asked; returns None, or why it cannot be done, for people."""


class ReadSpec(Protocol):
    """Reads a job file: text to spec. Raises `orchestrator.document.ProblemsError`."""

    def __call__(self, data: bytes, file_name: str, *, default_name: str) -> JobSpec:
        """Return the checked spec; `default_name` is its name where the text says none."""


LeaseOf = Callable[[JobSpec], str | None]
"""Says what a job's runs need to themselves; None for nothing."""


def nothing(_: JobSpec) -> None:
    """Of a job that needs nothing to itself."""


@dataclass(frozen=True, slots=True)
class Report:
    """What one scan came to.

    `accepted`: ids of new jobs. `requests`: those applied. `deferred`: what waits, with why and
    when to look again. `full`: the disk had no room for something that had come.
    """

    accepted: tuple[str, ...] = ()
    rejected: tuple[Rejection, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    requests: tuple[Request, ...] = ()
    full: bool = False
