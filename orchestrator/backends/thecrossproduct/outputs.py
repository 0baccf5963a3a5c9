"""What a run left over there: its outputs, and the record of its process with what it cost."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from time import monotonic

from anyio import from_thread

from orchestrator.backend import Output, ProtocolError, RejectedError, Run, Stream, TransientError
from orchestrator.backends import http
from orchestrator.backends.http import ExpiredError, Storage, Use, download
from orchestrator.backends.thecrossproduct import apps, data
from orchestrator.backends.thecrossproduct.layout import output_prefix
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.core.patterns import selecting

RECORD = "process.json"
SETTLED = 1.0  # seconds over which listings must agree: the first may only have it refreshed
LINK_LIVES = 120.0  # seconds for which a link that was listed is used; then a new one is asked for


@dataclass(frozen=True, slots=True)
class _Listing:
    """The outputs of a run as listed last: name to link, when, and since when with these names."""

    links: dict[str, str]
    at: float
    same_since: float


class Outputs:
    """Lists and opens outputs; links are remembered for minutes, in memory alone."""

    def __init__(self, session: Session, storage: Storage, root: str) -> None:
        self._session = session
        self._storage = storage
        self._root = root
        # Apart for a live run: what a look has seen says nothing of what is there at the end.
        self._listed: dict[tuple[str, bool], _Listing] = {}
        self._etags: dict[tuple[str, bool, str], str] = {}

    async def list(self, run: Run, remote_id: str) -> list[Output]:
        """Return the outputs that the spec asks for.

        Raises TransientError until two listings, a second apart, show the same; of a live run, one
        is enough.
        """
        try:
            chosen = selecting(run.outputs)
        except ValueError as error:
            raise RejectedError(f"outputs: {error}", effect="none") from None
        prefix = output_prefix(self._root, run) + "/"
        found = apps.outputs(
            self._session, remote_id, Use.TRANSFER, refresh=True, items_per_page=100
        )
        links = {one.key.removeprefix(prefix): one.url async for one in found}
        before, now = self._listed.get((run.key, run.live)), monotonic()
        same = before is not None and before.links.keys() == links.keys()
        listing = _Listing(links, now, before.same_since if before and same else now)
        self._listed[run.key, run.live] = listing
        if not run.live and now - listing.same_since < SETTLED:
            raise TransientError(
                "the outputs were listed; they are taken when a second look shows the same",
                effect="none",
                retry_after=SETTLED,
            )
        stored = await data.files(self._session, prefix, Use.TRANSFER)
        files = {file.path.removeprefix(prefix): file for file in stored}
        outputs = [Output(RECORD, log=True)]
        for name in sorted(filter(chosen, links.keys() | files.keys())):
            file = files.get(name)
            md5 = file.md5sum or None if file else None  # may be empty
            outputs.append(Output(name, file.size if file else None, md5=md5))
        return outputs

    @contextmanager
    def open(self, run: Run, remote_id: str, output: Output, offset: int) -> Iterator[Stream]:
        """Open one output for reading, in a worker thread."""
        if output.log:
            yield Stream(0, iter([from_thread.run(self._record, remote_id)]))
            return
        name = (run.key, run.live, output.name)
        # Without it nothing tells whether it is the same file. That of a file that was sent in one
        # go is its MD5; of any other file this is not the ETag, and it begins anew.
        etag = self._etags.get(name) or (f'"{output.md5}"' if output.md5 else None)
        with ExitStack() as stack:
            found = self._download(stack, run, output, offset, etag)
            if found.etag is not None:
                self._etags[name] = found.etag
            if found.size is None and output.size is None:
                raise ProtocolError(f"nothing says how long {output.name!r} is")
            yield Stream(found.start, iter(found))

    def forget(self, run: Run) -> None:
        """Drop what is remembered of a run."""
        for live in (True, False):
            self._listed.pop((run.key, live), None)
        for name in [name for name in self._etags if name[0] == run.key]:
            del self._etags[name]

    def _download(
        self, stack: ExitStack, run: Run, output: Output, offset: int, etag: str | None
    ) -> http.Stream:
        """Open by the link that was listed; by a new one if that is old, or dead."""
        for link in self._links(run, output):
            with suppress(ExpiredError):
                return stack.enter_context(download(link(), self._storage, offset, etag))
        raise TransientError(f"a new link to {output.name!r} was refused", effect="none")

    def _links(self, run: Run, output: Output) -> Iterator[Callable[[], str]]:
        listing = self._listed.get((run.key, run.live))
        if listing is not None and monotonic() - listing.at < LINK_LIVES:
            listed = listing.links.get(output.name)
            if listed is not None:
                yield lambda: listed
        uri = f"{output_prefix(self._root, run)}/{output.name}"
        yield lambda: from_thread.run(data.download_link, self._session, uri, Use.TRANSFER)

    async def _record(self, remote_id: str) -> bytes:
        """Return the process as the service knows it, with what it has cost, as JSON."""
        process = await apps.process(self._session, remote_id, Use.TRANSFER)
        record = {} if process is None else process.model_dump(mode="json")
        with suppress(RejectedError, ProtocolError):  # no reason to go without the outputs
            record["cost"] = await apps.cost(self._session, remote_id, Use.TRANSFER)
        return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()
