"""Bring the inputs of a run over: one archive into a folder that is its alone.

What was packed is written in the run's memo before anything is sent, and that it was sent, after.
Who finds the first and not the second (a daemon that was killed) looks whether it is there: it is
whole over there or not at all.
"""

from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from threading import Event

from anyio import Lock
from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import Begun, Run, Staged, StageStep, TransientError
from orchestrator.backends.cloudhpc import archive, storage
from orchestrator.backends.cloudhpc.archive import Archive
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.layout import UPLOAD, folder
from orchestrator.backends.cloudhpc.listing import Listing
from orchestrator.backends.http import ExpiredError, Storage, Use, send

FOLDER = "archives"  # within the backend's own
SMALL = 16 << 20  # bytes; up to there an archive's calls count for more than its bytes
# In a memo. CHANGED: another archive may be there, of this size. FLOOR: no later run is below it.
ARCHIVE, CHANGED, SENT, FLOOR = "archive", "changed", "sent", "floor"


class Stager:
    """Packs and sends; remembers the archives of this process."""

    def __init__(self, calls: Calls, where: Storage, listing: Listing, directory: Path) -> None:
        self._calls, self._where, self._listing = calls, where, listing
        self._archives = directory / FOLDER
        self._packed: dict[str, Archive] = {}
        self._there: set[str] = set()  # keys of runs whose archive the storage has taken
        self._turn = Lock()
        self._begun: set[str] = set()  # keys of runs of which this process alone may have sent

    async def stage(self, run: Run, step: StageStep) -> Staged | Begun:
        """Take the next act; all inputs go with the first of them."""
        names = {step.name} if step.among is None else set(step.among)
        packed = await self._pack(run, step, names)
        mark: dict[str, JsonValue] = {"size": packed.size, "sha256": packed.sha256}
        memo = run.memo
        if memo.get(ARCHIVE) != mark:
            self._begun.add(run.key)
            self._there.discard(run.key)
            return Begun({ARCHIVE: mark, CHANGED: ARCHIVE in memo})
        if not memo.get(SENT):
            # One after the other: a few calls bring one over whole, rather than begin with many.
            async with self._turn if packed.size <= SMALL else nullcontext():
                floor = await self._bring(run, packed)
            memo = {ARCHIVE: mark, SENT: True, FLOOR: floor}
        size, sha256 = packed.files[step.name]
        return Staged(size, sha256, memo)

    async def forget(self, run: Run) -> None:
        """Remove what is kept here of a run's inputs."""
        self._packed.pop(run.key, None)
        self._begun.discard(run.key)
        self._there.discard(run.key)
        await run_sync(archive.remove, self._path(run))

    async def _pack(self, run: Run, step: StageStep, names: Collection[str]) -> Archive:
        known = self._packed.get(run.key)
        if known is not None and known.files.keys() == names:
            return known
        stop = Event()
        locate = step.locate or (lambda _: step.source)

        def pack() -> Archive:
            return archive.packed(self._path(run), names, locate, stop.is_set)

        try:
            self._packed[run.key] = await run_sync(pack, abandon_on_cancel=True)
        finally:
            stop.set()  # a thread that is left behind by a cancel packs no more
        return self._packed[run.key]

    async def _bring(self, run: Run, packed: Archive) -> int:
        """Send the archive unless it is there; return the highest id before the submit."""
        sure = run.key in self._begun or run.memo.get(CHANGED)  # that to send is right
        if sure or not await self._is_there(run, packed):
            await self._send(run, packed)
        return await self._listing.newest(Use.SUBMIT)

    async def _send(self, run: Run, packed: Archive) -> None:
        """Send the archive, once; tell the service that it is complete."""
        if run.key not in self._there:
            link = await storage.upload_url(self._calls, folder(run), UPLOAD, Use.SUBMIT)
            try:
                await send(
                    link,
                    packed.path,
                    0,
                    packed.size,
                    self._where,
                    content_type=storage.CONTENT_TYPE,
                    md5=packed.md5,
                )
            except ExpiredError as error:
                raise TransientError(f"{error}; it is sent to a new one", effect="none") from None
            except FileNotFoundError:
                del self._packed[run.key]
                text = "the archive is gone; it is packed anew"
                raise TransientError(text, effect="none") from None
            self._there.add(run.key)
        await storage.delete_cache(self._calls, Use.SUBMIT)

    async def _is_there(self, run: Run, packed: Archive) -> bool:
        """Whether the storage shows the archive: an upload counts there whole, or not at all."""
        await storage.delete_cache(self._calls, Use.SUBMIT)
        path = f"{folder(run)}/{UPLOAD}"
        found = await storage.by_path(self._calls, path, Use.SUBMIT)
        return found is not None and (found.name.strip("/"), found.size) == (path, packed.size)

    def _path(self, run: Run) -> Path:
        return self._archives / f"{run.key}.tar.gz"
