"""What intake is given: the queue, the reader of job files, the rules of the spool."""

from collections.abc import Callable, Collection

from orchestrator.config import Config
from orchestrator.core.intake import NewJob, Rejection, Request
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec
from orchestrator.document import read_spec
from orchestrator.intake import LeaseOf, ReadSpec
from orchestrator.registry import kinds
from orchestrator.spool import Rules
from orchestrator.store import entrance
from orchestrator.store.database import Database
from orchestrator.store.resolve import resolve


class QueueOf:
    """The queue as intake sees it."""

    def __init__(self, db: Database, now: Callable[[], Now]) -> None:
        self._db = db
        self._now = now

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that are jobs."""
        return await self._db.read(entrance.known, ids)

    async def accept(self, job: NewJob) -> bool:
        """Take a job in; False when it is there already."""
        return await self._db.write(entrance.accept, job, self._now())

    async def has(self, word: str) -> bool:
        """Whether a word names a job."""
        return bool(await self._db.read(resolve, word))

    async def reject(self, rejection: Rejection) -> None:
        """Note a refused drop."""
        await self._db.write(entrance.reject, rejection, self._now())

    async def apply(self, request: Request) -> str | None:
        """Do what is asked; return why not, for people."""
        return await self._db.write(entrance.apply, request, self._now())


def read_with(config: Config) -> ReadSpec:
    """Return a reader of job files that knows the configured backends."""
    known = kinds()
    models = {name: known[backend.kind].run for name, backend in config.backends.items()}

    def read(data: bytes, file_name: str, *, default_name: str) -> JobSpec:
        return read_spec(data, file_name, models, default_name=default_name)

    return read


def lease_with(config: Config) -> LeaseOf:
    """Return what tells of a job what its runs need to themselves, by its kind of backend."""
    known = kinds()

    def lease_of(spec: JobSpec) -> str | None:
        backend = config.backends[spec.backend]
        return known[backend.kind].lease(backend.options, spec.run)

    return lease_of


def rules_of(config: Config) -> Rules:
    """Return the rules of the spool."""
    spool = config.spool
    return Rules(
        settle=spool.settle.total_seconds(),
        scan_every=spool.scan_every.total_seconds(),
        largest_spec=spool.largest_spec,
        largest_folder=spool.largest_folder,
        most_files=spool.most_files,
        deepest=spool.deepest,
    )
