"""What a run left in its folder, and what the service says of it.

Results are archives and plain files, brought there at the end whatever the status, and on a sync.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from anyio import Lock, from_thread

from orchestrator.backend import (
    Output,
    ProtocolError,
    QuotaError,
    RejectedError,
    Run,
    Stream,
    TransientError,
)
from orchestrator.backends import http
from orchestrator.backends.cloudhpc import storage
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.layout import UPLOAD, folder, is_surely_before
from orchestrator.backends.cloudhpc.record import Record, Records
from orchestrator.backends.cloudhpc.replies import Item, Simulation
from orchestrator.backends.http import ExpiredError, Storage, Use, download
from orchestrator.core.patterns import matches, parse_pattern, selecting

LISTED_LIVES = 6 * 3600.0  # seconds for which the listing of an ended run is believed
LINK_LIVES = 6 * 3600.0  # seconds for which a signed address is tried before a new one is asked for
COME_BACK = 60.0  # seconds until a folder that lacks what the spec asks for is looked at once more
MOST_LOOKS = 2  # at such a folder: a run may not leave it
MOST_FOLDERS = 100  # below the run's own


class _Listed(NamedTuple):
    items: dict[str, Item]
    at: float


@dataclass(slots=True)
class _Walk:
    """A walk through a folder: what is still to be listed, from which page on, what was found.

    `ours` is when our upload was made.
    """

    folders: list[tuple[Item, str]]
    page: int = 1
    seen: int = 0
    ours: str = ""
    found: dict[str, Item] = field(default_factory=dict)

    def take(self, prefix: str, rows: Sequence[Item]) -> None:
        """Note a page of the first folder; an empty one is its end."""
        self.page += 1
        for item in rows:
            name = prefix + item.name.strip("/").rpartition("/")[2]
            if item.type == "dir":
                self.folders.append((item, f"{name}/"))
            elif name == UPLOAD:
                self.ours = item.created
            else:
                self.found[name] = item
        if not rows:
            del self.folders[0]
            self.page, self.seen = 1, self.seen + 1
        if self.seen + len(self.folders) > MOST_FOLDERS:
            raise RejectedError(f"there are over {MOST_FOLDERS} folders", effect="none")
        if self.page > storage.MOST_PAGES:
            raise ProtocolError(f"a folder has more than {storage.MOST_PAGES} pages", effect="none")


class Folders:
    """Lists and opens what runs left. `now` is in seconds of a steady clock."""

    def __init__(
        self, calls: Calls, where: Storage, records: Records, now: Callable[[], float]
    ) -> None:
        self._calls, self._where, self._records, self._now = calls, where, records, now
        self._turn = Lock()  # few calls list one folder whole, rather than begin with many
        self._listed: dict[str, _Listed] = {}
        self._walks: dict[str, _Walk] = {}
        self._looks: dict[str, list[float]] = {}  # keys of runs: when results were lacking
        self._links: dict[tuple[str, str], tuple[str, float]] = {}
        self._etags: dict[tuple[str, str], tuple[str, str | None]] = {}  # each with the MD5
        self._cleared = -LISTED_LIVES  # when the service's cache was deleted last

    async def list(self, run: Run, id_: int) -> list[Output]:
        """Return the outputs that the spec asks for, and what the service says of the run.

        Raises TransientError while the folder of an ended run has no result at all, or none that a
        pattern of the spec asks for: they may be on their way.
        """
        chosen, asked = _chosen(run), self._now()
        async with self._turn:
            record, listed = await self._look(run, id_, asked)
        logs = [Output(name, len(data), log=True) for name, data in record.files().items()]
        found = [Output(name, listed.items[name].size) for name in sorted(listed.items)]
        return logs + [output for output in found if chosen(output.name)]

    @contextmanager
    def open(self, run: Run, id_: int, output: Output, offset: int) -> Iterator[Stream]:
        """Open one output for reading, in a worker thread."""
        if output.log:
            record = from_thread.run(self._records.last, id_)
            yield Stream(0, iter([record.files().get(output.name, b"")]))
            return
        name = (run.key, output.name)
        with ExitStack() as stack:
            found = self._download(stack, run, output, offset)
            etag, md5 = self._etags.get(name, (None, None))
            if found.md5 is None and found.etag == etag:
                found.md5 = md5  # it was told when the first part was read
            if found.etag is not None:
                self._etags[name] = (found.etag, found.md5)
            if found.size is None and output.size is None:
                raise ProtocolError(f"nothing says how long {output.name!r} is", effect="none")
            yield Stream(found.start, iter(found), found.md5)

    def forget(self, run: Run) -> None:
        """Drop what is remembered of a run."""
        self._listed.pop(run.key, None)
        self._walks.pop(run.key, None)
        self._looks.pop(run.key, None)
        self._drop_links(run)
        for name in [name for name in self._etags if name[0] == run.key]:
            del self._etags[name]

    def _drop_links(self, run: Run) -> None:
        for name in [name for name in self._links if name[0] == run.key]:
            del self._links[name]

    async def remove(self, run: Run) -> None:
        """Remove the folder of a run over there, for good."""
        await self._clear(self._now())
        found = await storage.find(self._calls, folder(run), Use.TRANSFER)
        if found is not None:
            await storage.delete(self._calls, found.id, Use.TRANSFER)

    async def _look(self, run: Run, id_: int, asked: float) -> tuple[Record, _Listed]:
        """Return the run's record, and what lies in its folder since it was asked for."""
        record = await self._records.of(id_)
        listed = self._listed.get(run.key)
        if listed is None or not record.final or self._now() - listed.at > LISTED_LIVES:
            looks = self._looks.setdefault(run.key, [])
            since = min(record.at, asked)  # it had ended by then
            if not record.final:
                self._walks.pop(run.key, None)  # its folder changes: half of a walk is of no use
            await self._clear(max(looks, default=since) if record.final else self._now())
            listed = _Listed(await self._items(run, record.simulation), self._now())
            looks.append(listed.at)
            lacking = _lacking(run, listed.items)
            if record.final and lacking and len(looks) < MOST_LOOKS:
                raise TransientError(
                    f"the folder of the run holds no {lacking} yet; it is looked at again",
                    effect="none",
                    retry_after=COME_BACK,
                )
            self._listed[run.key] = listed
            self._drop_links(run)  # they lead to what was there before
        return record, listed

    async def _clear(self, since: float) -> None:
        """Have listings be no older than `since`: one call serves all runs that ended before it."""
        if self._cleared < since:
            at = self._now()
            await storage.delete_cache(self._calls, Use.TRANSFER)
            self._cleared = at

    async def _items(self, run: Run, simulation: Simulation) -> dict[str, Item]:
        """Return what the run left, by its path in the folder, without what an earlier run left.

        That is what is older than our upload, or than the run's beginning. A walk that is held for
        want of budget goes on where it was: its pages cost calls.
        """
        walk = self._walks.pop(run.key, None)
        try:
            if walk is None:
                top = await storage.find(self._calls, folder(run), Use.TRANSFER)
                walk = _Walk([] if top is None else [(top, "")])
            while walk.folders:
                parent, prefix = walk.folders[0]
                rows = await storage.page(self._calls, walk.page, Use.TRANSFER, parent=parent.id)
                walk.take(prefix, rows)
        except QuotaError:
            if walk is not None:
                self._walks[run.key] = walk
            raise
        return {
            name: item
            for name, item in walk.found.items()
            if (item.created or walk.ours) >= walk.ours
            and not is_surely_before(item.created, simulation.idate)
        }

    def _download(self, stack: ExitStack, run: Run, output: Output, offset: int) -> http.Stream:
        """Open by the address that is known; by a new one if that is old, or dead."""
        name = (run.key, output.name)
        known, at = self._links.pop(name, ("", 0.0))
        if known and self._now() - at < LINK_LIVES:
            with suppress(ExpiredError):
                return self._opened(stack, name, known, offset)
        link = from_thread.run(self._link, run, output)
        try:
            return self._opened(stack, name, link, offset)
        except ExpiredError:
            text = f"a new address of {output.name!r} was refused"
            raise TransientError(text, effect="none") from None

    def _opened(
        self, stack: ExitStack, name: tuple[str, str], link: str, offset: int
    ) -> http.Stream:
        etag, _ = self._etags.get(name, (None, None))
        found = stack.enter_context(download(link, self._where, offset, etag))
        self._links[name] = (link, self._now())
        return found

    async def _link(self, run: Run, output: Output) -> str:
        listed = self._listed.get(run.key)
        item = listed.items.get(output.name) if listed else None
        if item is None:
            path = f"{folder(run)}/{output.name}"
            item = await storage.by_path(self._calls, path, Use.TRANSFER)
            if item is None:
                raise TransientError(f"the service does not show {path!r} now", effect="none")
        return await storage.link(self._calls, item.id, Use.TRANSFER)


def _lacking(run: Run, found: Collection[str]) -> str | None:
    """Return what the spec asks for and no file is, None where there is nothing of the kind."""
    if not found:
        return "result"
    for text in run.outputs.include or ():
        pattern = parse_pattern(text)
        if not any(matches(pattern, name) for name in found):
            return text
    return None


def _chosen(run: Run) -> Callable[[str], bool]:
    try:
        return selecting(run.outputs)
    except ValueError as error:
        raise RejectedError(f"outputs: {error}", effect="none") from None
