"""List and open what a run left in its directory."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from anyio import from_thread

from orchestrator.backend import (
    Output,
    ProtocolError,
    RejectedError,
    Run,
    Stream,
    TransientError,
)
from orchestrator.backends.drmaatic.calls import UnreadableError
from orchestrator.backends.drmaatic.judging import missing
from orchestrator.backends.drmaatic.naming import uuid_of
from orchestrator.backends.drmaatic.outputs import (
    LEFT_OUT,
    RECORD,
    left_out,
    outputs_of,
    record_file,
)
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.backends.drmaatic.service import Service
from orchestrator.backends.drmaatic.since import Since
from orchestrator.backends.http import Use

SHOWS_WITHIN = 60.0  # seconds; a shared file system may show a file late
UNREADABLE_AFTER = 180.0  # seconds after which a file that cannot be read is left out
LACKING = "lacking"


class Harvest:
    """The directories of runs."""

    def __init__(self, service: Service, now: Callable[[], float]) -> None:
        self._service = service
        self._since = Since(now)  # it lacks what the spec asks for; a file of it cannot be read
        self._read: set[str] = set()  # keys of runs of which a file was read

    async def list(self, run: Run) -> list[Output]:
        """List what the run left in its directory, and what the service says of it."""
        uuid = uuid_of(run)
        record = await self._known(uuid)
        names = await self._service.files(uuid, Use.TRANSFER)
        lacking = missing(run.outputs.include or (), names)
        if lacking and not run.live and self._since.seconds(run.key, LACKING) < SHOWS_WITHIN:
            raise TransientError(
                f"no file fits {', '.join(lacking)} yet; it is looked for once more",
                effect="none",
                retry_after=SHOWS_WITHIN,
            )
        return outputs_of(run, record, names, self._unreadable(run, names))

    @contextmanager
    def open(self, run: Run, output: Output) -> Iterator[Stream]:
        """Open one output, always from its beginning. For a worker thread."""
        uuid = uuid_of(run)
        if output.log and output.name in {RECORD, LEFT_OUT}:
            if output.name == RECORD:
                text = record_file(from_thread.run(self._known, uuid))
            else:
                names = from_thread.run(self._service.files, uuid, Use.TRANSFER)
                text = left_out(names, self._unreadable(run, names))
            yield Stream(0, iter([text]))
            return
        path = from_thread.run(self._service.file_path, uuid, output.name, Use.TRANSFER)
        with self._noting(run, output.name), self._service.open(path) as found:
            if found.size is None:
                raise ProtocolError(f"nothing says how long {output.name!r} is", effect="none")
            yield Stream(0, iter(found))

    def forget(self, run: Run) -> None:
        """Drop what is remembered of a run."""
        self._since.forget(run.key)
        self._read.discard(run.key)

    async def _known(self, uuid: str) -> Record:
        record = await self._service.get(uuid, Use.TRANSFER)
        if record is None:
            raise RejectedError(f"the service does not know run {uuid} any more", effect="none")
        return record

    @contextmanager
    def _noting(self, run: Run, name: str) -> Iterator[None]:
        """Note since when the service cannot read a file: a link may lead nowhere for ever."""
        try:
            yield
        except UnreadableError:
            self._since.seconds(run.key, name)
            raise
        self._since.over(run.key, name)
        self._read.add(run.key)

    def _unreadable(self, run: Run, names: Sequence[str]) -> set[str]:
        """Return which files have been unreadable for so long that they are left out.

        None while no file of the run can be read: that would be the service's fault, not a link's.
        """
        if run.key not in self._read:
            return set()
        return self._since.lasting(run.key, names, UNREADABLE_AFTER)
