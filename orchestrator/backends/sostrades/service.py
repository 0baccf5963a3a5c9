"""The service's own calls, one method for each of its API v0.

One request at a time for a study: those that come together right after it changed may hang over
there for ever. That is kept for everything that goes through one configured backend.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Literal

from anyio import Semaphore, from_thread
from pydantic import JsonValue

from orchestrator.backend import ProtocolError, RejectedError, TransientError
from orchestrator.backends import http
from orchestrator.backends.http import Ask, Door, FilePart, Reply, Use
from orchestrator.backends.http.typed import read
from orchestrator.backends.sostrades import logs
from orchestrator.backends.sostrades.calls import MissingError
from orchestrator.backends.sostrades.logs import Log
from orchestrator.backends.sostrades.replies import (
    Address,
    Charts,
    Fault,
    Listed,
    Status,
    Study,
    Updated,
    Variables,
)
from orchestrator.core.pacing import LEAST_UPLOAD
from orchestrator.log import shorten

MIB = 1 << 20
LARGEST = 64 * MIB  # of a reply that is read as a whole
LOG_TAIL = 256 << 10  # bytes; an exception stands near the end
SHOWN = 300  # characters of what a fault says
LOAD_LIMIT = 30  # seconds that the service is given to load a study for a list
SERVER_FAILS, NOT_SO_LONG = 500, 416
CSV = "text/csv"
DOWNLOAD, PAGE = "parameter/download", "html"
STUDY, CALCULATION, CHARTS = "api/v0/study-case", "api/v0/calculation", "api/v0/post-processing"
File = Literal["log", "study", "charts", "page"]
FILES: Mapping[File, str] = {
    "log": f"{STUDY}/{{}}/logs",
    "study": f"{STUDY}/{{}}/read-only-mode",
    "charts": f"{CHARTS}/{{}}",
    "page": f"{CHARTS}/{{}}/html",
}
"""What is read as it comes: the raw log, a whole study as JSON, charts as JSON and as a page."""


class Service:
    """One account. `patience` is how long (seconds) a call may take in which a study is loaded."""

    def __init__(self, door: Door, patience: float) -> None:
        self.door, self._patience = door, patience
        self._turns: dict[int, Semaphore] = {}

    async def ping(self, use: Use) -> str:
        """Return what the service says when it is asked whether it is there; no key is needed."""
        reply = await self.door.call(Ask("GET", "api/ping", use, reads=True))
        return read(str, reply.json(), "ping")

    async def status(self, study: int, use: Use) -> Status:
        """Return how a study stands."""
        reply = await self._told(
            study, Ask("GET", f"{CALCULATION}/status/{study}", use, reads=True)
        )
        return _status_of(study, reply)

    async def execute(self, study: int) -> Status:
        """Have a study calculated. On one that is being calculated, it spoils that calculation."""
        ask = Ask("POST", f"{CALCULATION}/execute/{study}", Use.SUBMIT, reads=False)
        return _status_of(study, await self._call(study, replace(ask, limit=self._patience)))

    async def load(
        self, study: int, use: Use, seconds: int = LOAD_LIMIT
    ) -> dict[str, Listed] | None:
        """Return the inputs of a study; None when it was not loaded in time, or may not be shown.

        Raises RejectedError, always, at a server of release 5.3.4.
        """
        path = f"{STUDY}/{study}/{seconds}"
        ask = Ask("GET", path, use, reads=True, cap=LARGEST, limit=self._patience + seconds)
        found = read(Variables, (await self._call(study, ask)).json(), "list of variables")
        return found or None

    async def study(self, study: int, use: Use) -> Study:
        """Return a whole study. Raises RejectedError unless its last calculation has finished."""
        reply = await self._call(study, replace(self.file_ask(study, "study", use), cap=LARGEST))
        found = read(Study, reply.json(), "study")
        _check(study, found.facts.id, reply)
        return found

    async def set(self, study: int, changes: Sequence[dict[str, JsonValue]], use: Use) -> None:
        """Change values (`variableId`, `unit`, `newValue`), all or none.

        It is answered before it is done, and may be lost: what became of it is read back.
        """
        ask = Ask("POST", f"{STUDY}/{study}/parameters", use, json=list(changes), reads=False)
        self._check_update(study, await self._call(study, replace(ask, limit=self._patience)))

    async def set_tables(self, study: int, files: Sequence[FilePart], use: Use) -> None:
        """Change tables, each by a CSV. The service adds the suffix to their names."""
        limit = self._patience + sum(one.size for one in files) / LEAST_UPLOAD
        path = f"{STUDY}/{study}/parameters"
        ask = Ask("POST", path, use, multipart=files, reads=False, limit=limit)
        self._check_update(study, await self._call(study, ask))

    async def value(self, study: int, variable: str, use: Use) -> bytes:
        """Return the value of a variable as CSV, whatever its type."""
        ask = replace(self.value_ask(study, variable, use), cap=LARGEST)
        reply = await self._call(study, ask)
        if not reply.headers.get("content-type", "").startswith(CSV):  # a page of something between
            raise ProtocolError(f"{reply.source} answered 200, but with no CSV", effect="none")
        return reply.body

    async def url(self, study: int, use: Use) -> str:
        """Return the address of a study for people; a key of a user is refused (500)."""
        reply = await self._call(study, Ask("GET", f"{STUDY}/{study}/url", use, reads=True))
        return read(Address, reply.json(), "address").get("study_url", "")

    async def copy(self, study: int, name: str, use: Use) -> int:
        """Copy a study under a name, which others may have, too; return the number of the copy."""
        asked: JsonValue = {"new_study_name": name}
        ask = Ask("POST", f"{STUDY}/{study}/copy", use, json=asked, reads=False)
        reply = await self._call(study, replace(ask, limit=self._patience))
        return read(int, reply.json(), "number of a study", effect="possible")

    async def charts(self, study: int, use: Use) -> dict[str, list[JsonValue]]:
        """Return the charts of a study, by discipline."""
        ask = replace(self.file_ask(study, "charts", use), cap=LARGEST)
        return read(Charts, (await self._call(study, ask)).json(), "charts")

    async def log(self, study: int, use: Use) -> Log | None:
        """Return what is known of a study's log without its text; None where it never ran."""
        ask = Ask("HEAD", FILES["log"].format(study), use, reads=True, expect={SERVER_FAILS})
        reply = await self._told(study, ask)
        if reply.status == SERVER_FAILS:  # without a text, which tells why
            reply = await self._told(study, replace(ask, method="GET"))
            if reply.status == SERVER_FAILS:
                return _missing_log(study, reply)
        return _log_of(study, reply)

    async def log_tail(self, study: int, use: Use) -> tuple[Log | None, str]:
        """Return the end of a study's log, about a quarter of a megabyte, and what it is of."""
        span = {"Range": f"bytes=-{LOG_TAIL}"}
        known = {SERVER_FAILS, NOT_SO_LONG}
        ask = replace(self.file_ask(study, "log", use), headers=span, expect=known, cap=LARGEST)
        reply = await self._told(study, ask)
        if reply.status == NOT_SO_LONG:  # werkzeug's word for a log that is shorter
            reply = await self._told(study, replace(ask, headers={}))
        if reply.status == SERVER_FAILS:
            return _missing_log(study, reply), ""
        return _log_of(study, reply), reply.body[-LOG_TAIL:].decode("utf-8", "replace")

    def value_ask(self, study: int, variable: str, use: Use) -> Ask:
        """Return the call for the value of a variable."""
        path = f"{STUDY}/{study}/{DOWNLOAD}"
        asked: JsonValue = {"parameter_key": variable}
        return Ask("POST", path, use, json=asked, reads=True, limit=self._patience)

    def file_ask(self, study: int, file: File, use: Use) -> Ask:
        """Return the call for one of the files that a study has."""
        return Ask("GET", FILES[file].format(study), use, reads=True, limit=self._patience)

    @contextmanager
    def fetching(self, study: int, ask: Ask) -> Iterator[http.Stream]:
        """Open a reply of any length for reading, in a worker thread."""
        turn = self._turn(study)
        from_thread.run(turn.acquire)
        try:
            with self.door.fetching(ask, mark=_mark(ask.path)) as stream:
                yield stream
        finally:
            from_thread.run_sync(turn.release)

    async def _told(self, study: int, ask: Ask) -> Reply:
        """Ask how a study is. That it cannot be told is no fault of a job: nothing was given."""
        try:
            return await self._call(study, ask)
        except MissingError:
            raise
        except RejectedError as error:
            raise TransientError(str(error), effect="none") from None

    async def _call(self, study: int, ask: Ask) -> Reply:
        async with self._turn(study):
            return await self.door.call(ask)

    def _turn(self, study: int) -> Semaphore:
        return self._turns.setdefault(study, Semaphore(1))

    def _check_update(self, study: int, reply: Reply) -> None:
        found = read(Updated, reply.json(), "changed study", effect="possible")
        _check(study, found.facts.id, reply)


def _mark(path: str) -> str:
    """Return what tells a file from whatever else may answer in its place."""
    if path.endswith(DOWNLOAD):
        return f"Content-Type: {CSV}"
    if path.startswith(STUDY):
        return "Content-Disposition"
    return f"Content-Type: {'text/html' if path.endswith(PAGE) else 'application/json'}"


def _status_of(study: int, reply: Reply) -> Status:
    found = read(Status, reply.json(), "status", effect=reply.effect)
    _check(study, found.study, reply)
    return found


def _log_of(study: int, reply: Reply) -> Log:
    found = logs.log_of(reply.headers, reply.source)
    _check(study, found.study, reply)
    return found


def _missing_log(study: int, reply: Reply) -> Log | None:
    """Return what a refusal of the log says of it. Raises TransientError where it says no more."""
    said = ""
    with suppress(ProtocolError):
        said = read(Fault, reply.json(), "fault").description
    if not logs.is_missing(said):
        text = f"{reply.source} answered {reply.status}: {shorten(said, SHOWN)}"
        raise TransientError(text, effect="none")
    found = logs.unwritten(said)
    if found is not None:
        _check(study, found.study, reply)
    return found


def _check(study: int, found: int, reply: Reply) -> None:
    if found != study:
        text = f"{reply.source} answered for study {found}, not {study}"
        raise ProtocolError(text, effect=reply.effect)
