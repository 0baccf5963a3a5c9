"""Every reply that was recorded of a real service, to every call that the backend can make.

Each call is answered with the recorded bytes, whatever it asked for.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
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
from orchestrator.backends.http import FilePart, Use, digest, open_door
from orchestrator.backends.sostrades.calls import MissingError, reading
from orchestrator.backends.sostrades.model import Options
from orchestrator.backends.sostrades.service import Service
from tests.http.rogue import rogue
from tests.sostrades.recorded import LENGTH, STILL, Recorded, exchanges

ERRORS = (AuthError, ProtocolError, QuotaError, RejectedError, TransientError)
PAIRS = 300  # of a reply and a call that has nothing to do with it, in the everyday suite
CHANGES = {"execute", "set", "set_tables", "copy"}
ROUTES = {
    "GET /api/ping": "ping",
    r"GET /api/v0/calculation/status/(\d+)": "status",
    r"POST /api/v0/calculation/execute/(\d+)": "execute",
    r"GET /api/v0/study-case/(\d+)(?:/\d+)?": "load",
    r"POST /api/v0/study-case/(\d+)/parameters": "set",
    r"POST /api/v0/study-case/(\d+)/parameter/download": "value",
    r"GET /api/v0/study-case/(\d+)/url": "url",
    r"POST /api/v0/study-case/(\d+)/copy": "copy",
    r"HEAD /api/v0/study-case/(\d+)/logs": "log",
    r"GET /api/v0/study-case/(\d+)/logs": "log_tail",
    r"GET /api/v0/study-case/(\d+)/read-only-mode": "study",
    r"GET /api/v0/post-processing/(\d+)": "charts",
    r"GET /api/v0/post-processing/(\d+)/html": "fetching",
}


class Answered:
    """A service, and the reply that it gives to each call. Time runs on: no call is held back."""

    def __init__(self, service: Service, says: list[Recorded], table: Path) -> None:
        self.service, self._says = service, says
        size, sha256 = digest(table)
        part, ask = FilePart("s.table", "table.csv", table, size, sha256), Use.ASK
        self.calls: dict[str, Callable[[int], Awaitable[Any]]] = {
            "ping": lambda _: service.ping(ask),
            "status": lambda it: service.status(it, ask),
            "execute": service.execute,
            "load": lambda it: service.load(it, ask),
            "study": lambda it: service.study(it, ask),
            "set": lambda it: service.set(it, [{"variableId": "s.x", "newValue": 1}], ask),
            "set_tables": lambda it: service.set_tables(it, [part], ask),
            "value": lambda it: service.value(it, "s.x", ask),
            "url": lambda it: service.url(it, ask),
            "copy": lambda it: service.copy(it, "other", ask),
            "charts": lambda it: service.charts(it, ask),
            "log": lambda it: service.log(it, ask),
            "log_tail": lambda it: service.log_tail(it, ask),
            "fetching": self._fetched,
        }

    async def to(self, call: str, reply: Recorded, study: int = 1) -> Any:
        """Return what a call returns, or the error that it raises, when it is answered so."""
        self._says[:] = [reply]
        try:
            return await self.calls[call](study)
        except BackendError as error:
            return error

    async def _fetched(self, study: int) -> bytes:
        def read() -> bytes:
            with self.service.fetching(
                study, self.service.file_ask(study, "page", Use.ASK)
            ) as stream:
                return b"".join(stream)

        return await run_sync(read)


@asynccontextmanager
async def answered(folder: Path) -> AsyncIterator[Answered]:
    """Open an account where a test chooses the replies."""
    says: list[Recorded] = []
    table = folder / "table.csv"
    table.write_bytes(b"years,quantity\n1990,1\n")
    with rogue(lambda it: it.send(says[0].reply(head=it.head.startswith(b"HEAD ")))) as server:
        options = Options.model_validate(
            {"url": server.url, "key": {"secret": "s"}, "private_network": True}
        )
        ticks = count(0, 1_000_000)
        async with open_door(
            options,
            folder,
            name="there",
            auth=lambda: {"Authorization": "Bearer canary"},
            reading=reading,
            steady=lambda: float(next(ticks)),
        ) as door:
            yield Answered(Service(door, 60.0), says, table)


def fitting(it: Recorded) -> tuple[str, int] | None:
    """Return which of our calls the recorded one was, and the number of its study."""
    for route, call in ROUTES.items():
        if match := re.fullmatch(route, f"{it.method} {it.path}"):
            number = int(match[1]) if match.groups() else 1
            return "set_tables" if it.has_file else call, number
    return None


def error_of(it: Recorded) -> type[BackendError]:
    """Return what a reply means that is no answer to its call."""
    if it.status == 403:
        user = it.tree["description"] in {"User unauthorized", "User not found"}
        return AuthError if user else MissingError
    others: dict[int, type[BackendError]] = {
        401: AuthError, 304: ProtocolError, 500: TransientError,
    }  # fmt: skip
    return others.get(it.status, RejectedError)


def told(call: str, found: Any) -> Any:
    """Return what a value of ours says, in the form of the recorded one."""
    if call in {"status", "execute"}:
        return found.study, found.word, found.message
    if call == "load":
        return {name: (one.type, one.unit) for name, one in (found or {}).items()}
    if call == "study":
        return found.facts.id, {name: one.type for name, one in found.variables().items()}
    if call == "log":
        return found.study, found.execution, found.size, found.still_for
    if call == "log_tail":
        return (*told("log", found[0]), found[1])
    return found


def says(call: str, it: Recorded) -> Any:
    """Return what a recorded answer says."""
    tree = it.tree
    named = re.search(r"=sc(\d+)-sce(\d+)-", it.headers.get("Content-Disposition", ""))
    log = (int(named[1]), int(named[2]), len(it.body), STILL) if named else None
    word, message = "study_case_execution_status", "study_case_execution_error_message"
    reads: dict[str, Callable[[], Any]] = {
        "status": lambda: (tree["study_case_id"], tree[word], tree[message]),
        "execute": lambda: (tree["study_case_id"], tree[word], tree[message]),
        "load": lambda: {name: (one["type"], one["unit"]) for name, one in tree.items()},
        "study": lambda: (tree["study_case"]["id"], dict(types(tree["treenode"]))),
        "value": lambda: it.body,
        "fetching": lambda: it.body,
        "url": lambda: tree["study_url"],
        "log": lambda: log and (*log[:2], LENGTH, STILL),
        "log_tail": lambda: log and (*log, it.body.decode()),
        "set": lambda: None,
        "set_tables": lambda: None,
    }
    return reads.get(call, lambda: tree)()


def types(node: Any) -> list[tuple[str, str]]:
    """Return names and types of all variables below a discipline."""
    below = [one for child in node["children"] for one in types(child)]
    return [*((name, one["type"]) for name, one in node["data"].items()), *below]


async def test_what_a_reply_says_is_what_is_read(tmp_path: Path) -> None:
    """A run would be followed, given up or started by a reply that was read wrongly."""
    seen = set()
    async with answered(tmp_path) as service:
        for it in exchanges():
            fits = fitting(it)
            if fits is None:
                continue
            call, study = fits
            found = await service.to(call, it, study)
            seen.add((call, it.status))
            if it.status < 300:
                assert not isinstance(found, BackendError), (it.name, found)
                assert told(call, found) == says(call, it), it.name
            elif (call, it.status) == ("log_tail", 500):
                assert found == (None, ""), it.name
                assert await service.to("log", it, study) is None
            else:
                assert type(found) is error_of(it), (it.name, found)
                doubt = call in CHANGES and it.status in {400, 500}
                assert found.effect == ("possible" if doubt else "none"), it.name
    changed = {("execute", 200), ("execute", 400), ("execute", 403), ("set", 200), ("set", 415)}
    changed |= {("set", 500), ("set_tables", 200), ("set_tables", 415), ("copy", 200)}
    read = {("study", 200), ("load", 400), ("log", 200), ("log_tail", 206), ("log_tail", 304)}
    assert changed | read <= seen


WORDS = {
    "72_set_unknownvar": " answered 400: StudyCaseError(the following exception occurs"
    " 'slow1.Slow.nope'.",
    "PC_two_good_one_bad": " answered 400: StudyCaseError(the following exception occurs"
    " 'alltypes.Disc1.nope'.",
    "20_load": " answered 400: 'StudyCaseDto' object has no attribute 'treenode'",
    "A1_execute_while_running": " answered 400: CalculationError(CalculationError(Study already"
    " submitted. It must be stopped/terminated before running a new one.))",
    "68_set_csv_multipart": ": this release of SoSTrades (such as 5.3.4) takes no CSV here (415):"
    " set the table in its web interface and leave it out of [run.tables], or have the server"
    " updated",
    "08_b64key_nonmember": " answered 403: User unauthorized; check `key` of this backend",
    "12_nostudy": " answered 403: InvalidStudy(This study case doesn't exist.)",
    "11_bob_url": " answered 500: The server encountered an internal error and was unable to"
    " complete your request. Either the server is overloaded or there is an error in the"
    " application.",
}


async def test_a_refusal_says_what_the_service_said(tmp_path: Path) -> None:
    """A person would be told nothing of use, or read a traceback."""
    async with answered(tmp_path) as service:
        by_name = {it.name: it for it in exchanges()}
        for name, words in WORDS.items():
            it = by_name[name]
            call, study = fitting(it) or ("", 0)
            source = re.escape(it.path.lstrip("/").removesuffix("/download"))
            found = str(await service.to(call, it, study))
            assert re.fullmatch(rf"127\.0\.0\.1:\d+/{source}(/30)?{re.escape(words)}", found), found


async def crossed(folder: Path, most: int) -> int:
    """Give replies to calls that have nothing to do with them; return to how many."""
    replies = {(it.method, it.status, it.body): it for it in exchanges()}.values()
    async with answered(folder) as service:
        pairs = list(product(replies, service.calls))
        for it, call in Random(0).sample(pairs, min(most, len(pairs))):
            found = await service.to(call, it)
            where = f"{it.name} to {call}: {found!r:.300}"
            if isinstance(found, BackendError):
                assert isinstance(found, ERRORS), where
                assert found.effect == "none" or call in CHANGES, where
            elif it.status >= 300:
                assert (call in {"log", "log_tail"}, it.name) == (True, "54_logs_never_run"), where
            elif call in {"status", "execute"}:
                assert it.tree["study_case_id"] == 1, where
            elif call in {"set", "set_tables"}:
                assert it.tree["study_case"]["id"] == 1, where
            elif call in {"log", "log_tail"}:
                assert "filename=sc1-" in it.headers["Content-Disposition"], where
        return min(most, len(pairs))


async def test_a_reply_to_another_call_is_an_error_or_no_news(tmp_path: Path) -> None:
    """A traceback would stop the account; or a wrong turn over there be taken for an answer."""
    assert await crossed(tmp_path, PAIRS) == PAIRS


@pytest.mark.long
async def test_every_reply_to_every_other_call(tmp_path: Path) -> None:
    """As above, without leaving any out."""
    assert await crossed(tmp_path, 10**6) > PAIRS
