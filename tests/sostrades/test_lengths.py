"""A result whose length is not told at first, as a proxy between may have it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.backend import BackendError, Output, ProtocolError, TransientError
from orchestrator.backends.sostrades import KIND
from orchestrator.testing.contract import Place, open_place
from tests.http.rogue import Connection, answer, rogue
from tests.sostrades.conftest import BODIES

STATUS = {"study_case_id": 1, "study_case_execution_status": "FINISHED"}
VALUE = Output("values/s.x.csv")
CSV = b"value\n3.5\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\n"
CHUNKS = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@asynccontextmanager
async def served(folder: Path, reply: bytes) -> AsyncIterator[Place]:
    """Open a backend at a server whose study 1 has finished as execution 7."""

    def behave(it: Connection) -> None:
        if it.head.startswith(b"HEAD "):
            name = "Content-Disposition: inline; filename=sc1-sce7-execution.log"
            it.send(answer(b"", "200 OK", name))
        elif b"/status/" in it.head:
            it.send(answer(json.dumps(STATUS).encode()))
        else:
            it.send(reply)
            raise ConnectionAbortedError

    with rogue(behave) as server:
        told = {"url": server.url, "key": {"secret": "s"}, "private_network": True}
        options = KIND.options.model_validate(told)
        secrets = {"s": "0" * 32}
        async with open_place(KIND, options, folder / "place", BODIES, secrets=secrets) as place:
            yield place


async def read(place: Place) -> bytes:
    """Return the value that the job wants."""
    run = replace(place.run("1", {"study": 1, "values": ["s.x"]}), remote_id="1/7")
    return await place.read(run, VALUE)


async def test_a_result_in_chunks_is_whole_when_they_end(tmp_path: Path) -> None:
    """Nothing could be fetched through a proxy that sends on what it gets."""
    async with served(tmp_path, CHUNKS + b"a\r\n" + CSV + b"\r\n0\r\n\r\n") as place:
        assert await read(place) == CSV


@pytest.mark.parametrize(
    ("reply", "error", "text"),
    [
        (CHUNKS + b"a\r\n" + CSV + b"\r\n", TransientError, "the connection broke"),
        (CHUNKS + b"0\r\n\r\n", ProtocolError, "came without any content"),
        (OK + b"Content-Length: 0\r\n\r\n", ProtocolError, "came without any content"),
        (OK + b"\r\n" + CSV, ProtocolError, "nothing says how long"),
    ],
    ids=["cut", "no chunk", "nothing", "no end"],
)
async def test_what_may_be_a_part_of_it_is_no_result(
    reply: bytes, error: type[BackendError], text: str, tmp_path: Path
) -> None:
    """A result that was cut off on its way would be stored as a whole one."""
    async with served(tmp_path, reply) as place:
        with pytest.raises(error, match=text):
            await read(place)
