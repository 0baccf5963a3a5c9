"""Every reply that was recorded of a real service, to every call that the backend can make.

Each call is answered with the recorded bytes, whatever it asked for.
"""

import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count, product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from anyio.to_thread import run_sync

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.drmaatic.calls import reading
from orchestrator.backends.drmaatic.dialect import NEW, OLD
from orchestrator.backends.drmaatic.model import Options
from orchestrator.backends.drmaatic.service import Service
from orchestrator.backends.http import Field, Use, open_door
from tests.drmaatic.conftest import YEARS
from tests.emulators.drmaatic.replay import exchanges
from tests.http.rogue import answer, rogue

ERRORS = (AuthError, ProtocolError, QuotaError, RejectedError, TransientError)
ANY = "e3e6f424-0df8-41ed-84c6-4dbae2434d45"
PAIRS = 250  # of a reply and a call that has nothing to do with it, in the everyday suite


@dataclass(frozen=True)
class Recorded:
    """One exchange: what was called, and what came back."""

    name: str
    call: str  # method and path
    status: int
    headers: Mapping[str, str]
    body: bytes
    tree: Any

    @property
    def reply(self) -> bytes:
        """The reply as it comes over the line."""
        return answer(self.body, f"{self.status} Whatever", *map(": ".join, self.headers.items()))


def recorded(year: str) -> list[Recorded]:
    """Return what was recorded in one dialect; for archives a few bytes stand."""
    found = []
    for it in exchanges(int(year)):
        text = json.dumps(it["json"]) if "json" in it else it.get("text", "")
        if not text and "Content-Disposition" in it["headers"]:
            text = "PK"
        headers = it["headers"]
        body = b"" if it["status"] == 204 else text.encode()
        call = f"{it['method']} {it['path']}"
        found.append(Recorded(it["name"], call, it["status"], headers, body, it.get("json")))
    return found


class Answered:
    """A service, and the reply that it gives to each call. Time runs on: no call is held back."""

    def __init__(self, service: Service, year: str, says: list[bytes]) -> None:
        self.service, self._says = service, says
        run, ask = ANY, Use.ASK
        self.calls: dict[str, Callable[[str], Awaitable[Any]]] = {
            "catalogue": lambda _: service.catalogue(1, ask),
            "entry": lambda it: service.entry(it, ask),
            "create": lambda _: service.create([Field("task", "x")]),
            "get": lambda it: service.get(it, ask),
            "runs": lambda _: self._first_page(),
            "status": lambda it: service.status(it, ask),
            "stop": lambda it: service.stop(it, ask),
            "delete": lambda it: service.delete(it, ask),
            "own": lambda _: service.own(run, ask),
            "files": lambda it: service.files(it, ask),
            "file": lambda it: self._fetched(service.file_path(it, "a", ask)),
            "zip": lambda it: self._fetched(service.zip_path(it, ask)),
            "exchange": lambda _: service.exchange("0000-0001", "secret", ask),
        }
        if year == "2025":
            self.calls["credit"] = lambda _: service.credit(ask, 5)

    async def to(self, call: str, reply: Recorded, name: str = ANY) -> Any:
        """Return what a call returns, or the error that it raises, when it is answered so."""
        self._says[:] = [reply.reply]
        try:
            return await self.calls[call](name)
        except BackendError as error:
            return error

    async def _first_page(self) -> Any:
        async for page in self.service.runs(Use.ASK):
            return page
        return None

    async def _fetched(self, path: Awaitable[str]) -> bytes:
        where = await path

        def read() -> bytes:
            with self.service.open(where) as stream:
                return b"".join(stream)

        return await run_sync(read)


@asynccontextmanager
async def answered(year: str, folder: Path) -> AsyncIterator[Answered]:
    """Open an account where a test chooses the replies."""
    says: list[bytes] = []
    with rogue(lambda it: it.send(says[0])) as server:
        table = {"url": server.url, "dialect": year, "token": {"secret": "s"}}
        options = Options.model_validate(table | {"private_network": True})
        ticks = count(0, 1_000_000)
        async with open_door(
            options,
            folder,
            name="there",
            auth=lambda: {"Authorization": "Bearer canary"},
            reading=reading,
            steady=lambda: float(next(ticks)),
        ) as door:
            yield Answered(Service(door, options), year, says)


def fitting(year: str, it: Recorded) -> tuple[str, str] | None:
    """Return which of our calls the recorded one was, and the name that it gave."""
    words, (method, path) = NEW if year == "2025" else OLD, it.call.split(" ", 1)
    routes = {
        f"GET {words.catalogue}/": "catalogue",
        f"GET {words.catalogue}/([^/]+)/": "entry",
        "GET cpu-credit/": "credit",
        "GET (?:token/[^/]+|orcid/token)/": "exchange",
        f"GET {words.runs}/": "runs",
        f"POST {words.runs}/": "create",
        f"GET {words.runs}/([^/]+)/": "get",
        f"DELETE {words.runs}/([^/]+)/": "delete",
        f"PUT {words.runs}/([^/]+)/stop/": "stop",
        f"PUT {words.runs}/([^/]+)/get_ownership/": "own",
        f"GET {words.runs}/([^/]+)/status/": "status",
        f"GET {words.runs}/([^/]+)/file/": "files",
        f"GET {words.runs}/([^/]+)/file/.+": "file",
        f"GET {words.runs}/([^/]+)/download/": "zip",
    }
    where = f"{method} {path.partition('?')[0].lstrip('/')}"
    found = [(call, match) for it, call in routes.items() if (match := re.fullmatch(it, where))]
    return next(((call, "".join(match.groups())) for call, match in found), None)


def error_of(it: Recorded) -> type[BackendError]:
    """Return what a reply means that is no answer to its call."""
    if it.status == 403:
        foreign = "do not have permission" in it.tree["detail"]
        return RejectedError if foreign else AuthError
    if it.status == 404 and it.headers.get("Content-Type", "").startswith("text/html"):
        return TransientError
    return {301: ProtocolError, 409: TransientError, 429: QuotaError, 500: TransientError}.get(
        it.status, RejectedError
    )


def told(call: str, found: Any) -> Any:
    """Return what a value of ours says, in the form of the recorded one."""
    if call in {"get", "create"}:
        return {
            "uuid": str(found.uuid),
            "entry": found.task,
            "status": found.status,
            "description": found.description,
            "params": [(one.name, one.value) for one in found.params],
            "files_name": found.files_name,
            "created": found.created,
            "below": [str(one) for one in found.descendants],
        }
    if call == "runs":
        return None if found is None else [told("get", one) for one in found]
    if call == "catalogue":
        return [told("entry", one) for one in found]
    if call == "entry":
        return found.name, [(it.name, it.type, it.required, it.default) for it in found.param]
    if call == "credit":
        return found.available_cpu_credit, found.wait_time
    return found


def says(year: str, call: str, it: Recorded) -> Any:
    """Return what a recorded answer says."""
    tree = it.tree
    reads: dict[str, Callable[[], Any]] = {
        "get": lambda: a_run(year, tree),
        "create": lambda: a_run(year, tree),
        "runs": lambda: tree and [a_run(year, one) for one in tree["results"]],
        "catalogue": lambda: [an_entry(one) for one in tree["results"]],
        "entry": lambda: an_entry(tree),
        "credit": lambda: (tree["available_cpu_credit"], tree.get("wait_time")),
        "file": lambda: it.body,
        "zip": lambda: it.body,
        "stop": lambda: True,
        "delete": lambda: None,
        "own": lambda: None,
    }
    return reads.get(call, lambda: tree)()


def a_run(year: str, tree: Any) -> dict[str, Any]:
    """Return what a recorded run says, whatever the keys are called."""
    words = NEW if year == "2025" else OLD
    return {
        "uuid": tree["uuid"],
        "entry": tree[words.task],
        "status": tree["status"],
        "description": tree.get(words.description, ""),
        "params": [(one["name"], one["value"]) for one in tree["params"]],
        "files_name": tree["files_name"],
        "created": tree["creation_date"],
        "below": tree.get("descendants", []),
    }


def an_entry(tree: Any) -> tuple[str, list[tuple[Any, ...]]]:
    """Return what a recorded entry of the catalogue says."""
    keys = ("name", "type", "required", "default")
    return tree["name"], [tuple(one[key] for key in keys) for one in tree["param"]]


@pytest.mark.parametrize("year", YEARS)
async def test_what_a_reply_says_is_what_is_read(year: str, tmp_path: Path) -> None:
    """A run would be followed, or given up, by a reply that was read wrongly."""
    seen = set()
    async with answered(year, tmp_path) as service:
        for it in recorded(year):
            fits = fitting(year, it)
            if fits is None:
                continue
            call, name = fits
            found = await service.to(call, it, name)
            seen.add((call, it.status))
            if it.status < 300:
                assert told(call, found) == says(year, call, it), it.name
            elif it.status == 404 and call in {"get", "entry"}:
                assert found is None, it.name
            elif it.status == 404 and call == "catalogue":
                assert found == [], it.name
            elif (it.status, call) in {(409, "stop"), (404, "delete")}:
                assert not found, it.name
            else:
                assert type(found) is error_of(it), (it.name, found)
                wait = it.headers.get("Retry-After")
                assert found.retry_after == (float(wait) if wait else None), it.name
                doubt = call == "create" and it.status in {301, 500}
                assert found.effect == ("possible" if doubt else "none"), it.name
    wanted = {("get", 404), ("get", 403), ("runs", 204), ("zip", 404), ("create", 201)}
    if year == "2025":
        wanted |= {("create", 429), ("create", 500), ("runs", 429), ("stop", 409), ("credit", 400)}
    assert wanted <= seen


async def crossed(year: str, folder: Path, most: int) -> int:
    """Give replies to calls that have nothing to do with them; return to how many."""
    replies = {(it.status, it.body): it for it in recorded(year)}.values()
    async with answered(year, folder) as service:
        pairs = list(product(replies, service.calls))
        for it, call in Random(0).sample(pairs, min(most, len(pairs))):
            found = await service.to(call, it)
            where = f"{it.name} to {call}"
            if it.status == 403:
                assert type(found) is error_of(it), where
            elif it.status >= 300 and not isinstance(found, BackendError):
                assert not found, where
            elif isinstance(found, BackendError):
                assert isinstance(found, ERRORS), where
            elif call in {"get", "create"}:
                assert found is None or str(found.uuid) == it.tree["uuid"], where
            elif call in {"file", "zip"}:
                assert "Content-Disposition" in it.headers, where
        return min(most, len(pairs))


@pytest.mark.parametrize("year", YEARS)
async def test_a_reply_to_another_call_is_an_error_or_no_news(year: str, tmp_path: Path) -> None:
    """A traceback would stop the account; or a wrong turn over there be taken for an answer."""
    assert await crossed(year, tmp_path, PAIRS) == PAIRS


@pytest.mark.long
@pytest.mark.parametrize("year", YEARS)
async def test_every_reply_to_every_other_call(year: str, tmp_path: Path) -> None:
    """As above, without leaving any out."""
    assert await crossed(year, tmp_path, 10**6) > PAIRS
