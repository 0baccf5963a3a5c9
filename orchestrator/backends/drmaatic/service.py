"""The service's own calls, one method for each endpoint, in the words of either dialect.

Paths end in a slash: without it the service answers with a redirect, also to a POST, and nothing
is done.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from anyio import Lock

from orchestrator.backend import ProtocolError, RejectedError, TransientError
from orchestrator.backends import http
from orchestrator.backends.drmaatic.calls import is_page, of_page
from orchestrator.backends.drmaatic.dialect import DIALECTS, NEW, OLD, Dialect
from orchestrator.backends.drmaatic.model import Options
from orchestrator.backends.drmaatic.replies import (
    Credit,
    Entries,
    Entry,
    Names,
    Page,
    Record,
    Records,
)
from orchestrator.backends.http import Ask, Door, Field, FilePart, Reply, Use, as_path
from orchestrator.backends.http.typed import read
from orchestrator.core.pacing import LEAST_UPLOAD

MOST_PAGES = 1000  # a list that never ends is a fault over there
PAGE_SIZE = 50
MARK = "Content-Disposition"  # that every file has, and nothing else
OK, NO_CONTENT, NOT_FOUND, CONFLICT = 200, 204, 404, 409


class Service:
    """One account."""

    def __init__(self, door: Door, options: Options) -> None:
        self.door = door
        self.is_anonymous = options.token is None
        self._dialect = DIALECTS[options.dialect] if options.dialect else None
        self._may_be: tuple[Dialect, ...] = (OLD, NEW)
        self._asking = Lock()

    async def dialect(self, use: Use) -> Dialect:
        """Return the dialect; the service is asked once, unless the configuration says it."""
        async with self._asking:
            if self._dialect is None:
                self._dialect = await self._probed(use)
        return self._dialect

    async def catalogue(self, page: int, use: Use) -> list[Entry]:
        """Return one page of the catalogue; an empty one is behind the end."""
        words = await self.dialect(use)
        params = {"page": page, "page_size": PAGE_SIZE}
        reply = await self._get(f"{words.catalogue}/", use, params=params, expect={NOT_FOUND})
        found = _page(reply)
        return read(Entries, list(found.results) if found else [], "catalogue")

    async def entry(self, name: str, use: Use) -> Entry | None:
        """Return one entry of the catalogue; None when it is not there for this account."""
        words = await self.dialect(use)
        reply = await self._get(f"{words.catalogue}/{as_path(name)}/", use, expect={NOT_FOUND})
        if reply.status == NOT_FOUND:
            return None
        entry = read(Entry, reply.json(), "entry of the catalogue")
        if entry.name != name:
            raise ProtocolError(f"{reply.source} answered for {entry.name!r}", effect="none")
        return entry

    async def create(self, parts: Sequence[Field | FilePart]) -> Record:
        """Start a run."""
        words = await self.dialect(Use.SUBMIT)
        ask = Ask("POST", f"{words.runs}/", Use.SUBMIT, multipart=parts, reads=False)
        size = sum(part.size for part in parts if isinstance(part, FilePart))
        ask = replace(ask, limit=ask.limit + size / LEAST_UPLOAD)
        return read(Record, (await self.door.call(ask)).json(), "run", effect="possible")

    async def get(self, uuid: str, use: Use) -> Record | None:
        """Return a run; None when the service knows none by that name, or it was deleted."""
        reply = await self._get(await self._path(uuid, use), use, expect={NOT_FOUND})
        if reply.status == NOT_FOUND:
            return None
        record = _dated(read(Record, reply.json(), "run"), reply)
        if str(record.uuid) != uuid:
            raise ProtocolError(f"{reply.source} answered for run {record.uuid}", effect="none")
        return record

    async def runs(
        self, use: Use, *, size: int = PAGE_SIZE, **wanted: str
    ) -> AsyncIterator[list[Record]]:
        """Return page after page of the account's runs, the newest first.

        `wanted` are filters (`ids`, `description`, `status`, `job_name`); an empty one is none. A
        service that does not know one of them returns all runs. Raises ProtocolError when the list
        changed between two pages, so that a run may have been on neither.
        """
        words = await self.dialect(use)
        count = None
        for number in range(1, MOST_PAGES + 1):
            params = {"page": number, "page_size": size} | {k: v for k, v in wanted.items() if v}
            reply = await self._get(f"{words.runs}/", use, params=params, expect={NOT_FOUND})
            page = _page(reply)
            if page is None:
                return
            if count not in {None, page.count}:
                raise ProtocolError("the list of runs changed while it was read", effect="none")
            count = page.count
            found = read(Records, list(page.results), "list of runs")
            yield [_dated(one, reply) for one in found]
            if page.next is None:
                return
        raise ProtocolError(f"the list of runs has over {MOST_PAGES} pages", effect="none")

    async def status(self, uuid: str, use: Use) -> str:
        """Return the status of a run, also of one that was deleted (2025)."""
        reply = await self._get(await self._path(uuid, use, "status"), use)
        return read(str, reply.json(), "status")

    async def stop(self, uuid: str, use: Use) -> bool:
        """Ask for a run's end; return whether the service did so.

        That it did not proves nothing: so it answers, too, when it cannot reach the cluster.
        """
        path = await self._path(uuid, use, "stop")
        reply = await self.door.call(Ask("PUT", path, use, reads=False, expect={CONFLICT}))
        return reply.status != CONFLICT

    async def delete(self, uuid: str, use: Use) -> None:
        """Delete a run, with all files of its directory; if it lives, it is killed."""
        path = await self._path(uuid, use)
        await self.door.call(Ask("DELETE", path, use, reads=False, expect={NOT_FOUND}))

    async def own(self, uuid: str, use: Use) -> None:
        """Make an anonymous run the account's own (2025)."""
        path = await self._path(uuid, use, "get_ownership")
        await self.door.call(Ask("PUT", path, use, reads=False))

    async def files(self, uuid: str, use: Use) -> list[str]:
        """Return the names of all files in a run's directory, at any time."""
        reply = await self._get(await self._path(uuid, use, "file"), use, cap=64 << 20)
        return read(Names, reply.json(), "list of files")

    def open(self, path: str) -> AbstractContextManager[http.Stream]:
        """Open a path of `file_path` for reading, in a worker thread."""
        return self.door.fetching(Ask("GET", path, Use.TRANSFER, reads=True), mark=MARK)

    async def file_path(self, uuid: str, name: str, use: Use) -> str:
        """Return the path of one file of a run. Raises RejectedError for a name that is none."""
        return await self._path(uuid, use, "file") + as_path(name)

    async def zip_path(self, uuid: str, use: Use) -> str:
        """Return the path of the archive that a script made of its directory."""
        return await self._path(uuid, use, "download")

    async def credit(self, use: Use, required: int | None = None) -> Credit:
        """Return what the account may spend on runs (2025), and the time until so much is there."""
        await self._only(NEW, use, "CPU credits")
        params = None if required is None else {"required": required}
        reply = await self._get("cpu-credit/", use, params=params)
        return read(Credit, reply.json(), "CPU credit")

    async def exchange(self, orcid: str, token: str, use: Use) -> str:
        """Return the service's token for one of ORCID; the words of 2023 name the person, too."""
        words = await self.dialect(use)
        path = f"token/{as_path(orcid)}/" if words is OLD else "orcid/token/"
        proof = {"Authorization": f"Bearer {token}"}
        reply = await self.door.call(Ask("GET", path, use, reads=True, headers=proof))
        told = read(dict[str, Any], reply.json(), "token")
        found = told.get("access_token" if words is OLD else "jwt")
        if not isinstance(found, str) or not found:
            raise ProtocolError(f"{reply.source} answered without a token", effect="none")
        return found

    async def _probed(self, use: Use) -> Dialect:
        """Ask for the catalogue in the words of 2023: a service of 2025 has no such route.

        What is known of that is kept: else a refused token would be sent again and again, because
        each 404 between looks as if the service took it.
        """
        while self._may_be:
            words = self._may_be[0]
            ask = Ask(
                "GET",
                f"{words.catalogue}/",
                use,
                params={"page_size": 1},
                reads=True,
                expect={NOT_FOUND},
            )
            reply = await self.door.call(ask)
            if reply.status == OK and not is_page(reply):
                found = read(Page, reply.json(), "catalogue").results
                if all(isinstance(one, dict) and "param" in one for one in found):
                    return words
            self._may_be = self._may_be[1:]
        self._may_be = (OLD, NEW)
        raise TransientError(
            f"{reply.source}: there is no catalogue in the words of 2023 or of 2025; check `url` of"
            " this backend",
            effect="none",
        )

    async def _only(self, dialect: Dialect, use: Use, what: str) -> None:
        if await self.dialect(use) is not dialect:
            text = f"{what}: only a service of {dialect.year} has them"
            raise RejectedError(text, effect="none")

    async def _path(self, uuid: str, use: Use, what: str = "") -> str:
        words = await self.dialect(use)
        return f"{words.runs}/{as_path(uuid)}/" + (f"{what}/" if what else "")

    async def _get(self, path: str, use: Use, **more: Any) -> Reply:
        ask = Ask("GET", path, use, reads=True, **more)
        reply = await self.door.call(ask)
        fault = of_page(ask, reply) if is_page(reply) else None  # of a status that is expected, too
        if fault is not None:
            raise fault
        return reply


def _page(reply: Reply) -> Page | None:
    """Return a page of a list; None behind its end, and for an anonymous account."""
    if reply.status in {NO_CONTENT, NOT_FOUND}:
        return None
    return read(Page, reply.json(), "page of a list")


def _dated(record: Record, reply: Reply) -> Record:
    return record.model_copy(update={"told_at": reply.headers.get("date", "")})
