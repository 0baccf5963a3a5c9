"""Calls that bring files along, to services that take them and to those that do not."""

import itertools
import os
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
import trustme

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http import Ask, Field, FilePart, Use, storage
from orchestrator.testing.cutting import Cut, cutting_proxy
from tests.http.conftest import CANARY, OpenDoor, file_part
from tests.http.rogue import Behaviour, Connection, answer, rogue, sends, sends_and_closes

pytestmark = pytest.mark.usefixtures("certificates")
CREATED = answer(b'{"id": "1"}', "201 Created")
LARGE = 16 << 20  # bytes, more than the sockets of both sides hold

UP_STEP = 19  # every byte of a request would take long; of a reply, every byte is tried


def ask(*parts: Field | FilePart, limit: float = 5.0) -> Ask:
    """Return a submit that names its task last."""
    parts = (Field("key", "k"), *parts, Field("task", "shell"))
    return Ask("POST", "/job/", Use.SUBMIT, reads=False, multipart=parts, limit=limit)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> FilePart:
    """A file that is not on its way at once."""
    return file_part(tmp_path_factory.mktemp("large") / "mesh.inp", os.urandom(LARGE))


async def test_a_form_arrives_in_one_piece_of_a_known_length(
    door: OpenDoor, tmp_path: Path
) -> None:
    """A run would start without its inputs: some services read a body in chunks as an empty one."""
    data = os.urandom(3_000_000)
    call = ask(file_part(tmp_path / "mesh.inp", data))
    with rogue(sends(CREATED)) as server:
        async with door(server.url) as it:
            reply = await it.call(call)
    assert (reply.status, reply.json()) == (201, {"id": "1"})
    head, _, body = server.seen[0].partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /job/ HTTP/1.1"
    assert f"Content-Length: {len(body)}" in lines
    assert f"Authorization: Bearer {CANARY}" in lines
    assert "transfer-encoding" not in head.decode().lower()
    assert body.endswith(b'name="task"\r\n\r\nshell\r\n--' + body[2:34] + b"--\r\n")
    assert data in body


async def test_a_foreign_text_adds_no_header_and_a_proxy_is_used(door: OpenDoor) -> None:
    """A job file could change a call, or a workstation behind a proxy submit nothing."""
    call = Ask(
        "POST", "/job", Use.SUBMIT, reads=False, params={"q": "ä b"}, multipart=[Field("a", "b")]
    )
    odd = Ask(
        "POST",
        "/job",
        Use.SUBMIT,
        reads=False,
        headers={"X": "a\r\nY: b"},
        multipart=[Field("a", "b")],
    )
    with rogue(sends(CREATED)) as proxy:
        async with door("http://service.example.org/v1", proxy=proxy.url) as it:
            await it.call(call)
            for wrong in (odd, ask(Field("x", "\udfff"))):
                with pytest.raises(RejectedError, match="cannot be written") as caught:
                    await it.call(wrong)
                assert caught.value.effect == "none"
    [request] = proxy.seen
    assert request.startswith(b"POST http://service.example.org/v1/job?q=%C3%A4+b HTTP/1.1\r\n")


async def test_it_is_sent_off_the_event_loop(door: OpenDoor, large: FilePart) -> None:
    """While a large input is sent, every other job would stand still."""
    turns, enough = 0, threading.Event()

    def waits(it: Connection) -> None:
        """Read nothing before the loop has turned often."""
        assert enough.wait(10)
        reads_on(it)
        it.send(CREATED)

    with rogue(waits, reads_body=False) as server:
        async with door(server.url) as it, anyio.create_task_group() as tasks:

            async def turn() -> None:
                nonlocal turns
                while turns < 100 or not server.seen:
                    turns += 1
                    await anyio.sleep(0.001)
                enough.set()

            tasks.start_soon(turn)
            await it.call(ask(large, limit=20))
    assert enough.is_set()


class Got(NamedTuple):
    """How much came of a body, the last of it, and how that ended."""

    size: int
    end: bytes
    how: str


def reads_on(it: Connection) -> Got:
    """Read what comes until the body is whole or broken off."""
    size, end, how = len(it.body), it.body, "whole"
    it.socket.settimeout(10)
    try:
        while size < int(it.header("Content-Length") or 0):
            if not (more := it.socket.recv(1 << 20)):
                how = "closed"
                break
            size, end = size + len(more), (end + more)[-1000:]
    except ConnectionResetError:
        how = "reset"
    return Got(size, end, how)


@pytest.mark.parametrize("change", ["another byte", "shorter", "longer"])
async def test_a_file_that_changes_while_it_is_sent_breaks_the_call_off(
    change: str, door: OpenDoor, tmp_path: Path
) -> None:
    """A run would start with an input that nobody had checked."""
    part, got = file_part(tmp_path / "mesh.inp", bytes(LARGE)), list[Got]()

    def changes(it: Connection) -> None:
        it.socket.recv(1, socket.MSG_PEEK)  # the file is on its way
        with part.path.open("r+b") as file:
            match change:
                case "another byte":
                    file.seek(LARGE - 1)
                    file.write(b"?")
                case "shorter":
                    file.truncate(LARGE - 1)
                case _:
                    file.truncate(LARGE + 1)
        got.append(reads_on(it))

    with rogue(changes, reads_body=False) as server:
        async with door(server.url, at_once=1) as it:
            with pytest.raises(RejectedError, match=r"mesh\.inp changed") as caught:
                await it.call(ask(part))
            assert caught.value.effect == "possible"
            with pytest.raises(RejectedError) as caught:
                await it.call(ask(part))
            assert caught.value.effect == "none"
    assert len(server.seen) == 1, "of the second call nothing was sent"
    assert got[0].how == "reset", "so that no service takes the end for the end of the body"
    assert got[0].size < LARGE
    assert b"shell" not in got[0].end


async def test_a_file_that_cannot_be_sent_is_no_fault_of_the_service(
    door: OpenDoor, tmp_path: Path
) -> None:
    """Inputs that people change would stop an account that is well."""
    part = file_part(tmp_path / "mesh.inp", b"old")
    part.path.write_bytes(b"new")
    with rogue(sends(CREATED)) as server:
        async with door(server.url) as it:
            for _ in range(6):
                with pytest.raises(RejectedError):
                    await it.call(ask(part))
            assert (await it.call(ask())).status == 201
    assert server.connections == 1


def refuses(status: str, *, closes: bool) -> Behaviour:
    """Answer a head without reading the body."""

    def behave(it: Connection) -> None:
        it.send(answer(b'{"detail": "too large"}', status, "Retry-After: 7"))
        if closes:
            raise ConnectionAbortedError  # with bytes unread: a reset
        it.stop.wait(20)

    return behave


REFUSED = {
    "413 Too Large": RejectedError,
    "403 Forbidden": AuthError,
    "429 Too Many": QuotaError,
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("closes", [True, False], ids=["closes", "reads nothing"])
@pytest.mark.parametrize(("status", "error"), REFUSED.items(), ids=REFUSED)
async def test_a_service_that_refuses_early_is_heard(
    status: str, error: type[BackendError], *, closes: bool, door: OpenDoor, large: FilePart
) -> None:
    """People would read that the connection broke, and the job be doubtful for nothing."""
    with rogue(refuses(status, closes=closes), reads_body=False) as server:
        async with door(server.url) as it:
            with pytest.raises(BackendError, match="too large") as caught:
                await it.call(ask(large))
    assert (type(caught.value), caught.value.effect) == (error, "none")
    assert caught.value.retry_after == (7 if error is QuotaError else None)


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """A server's side; `ca.pem` is the authority."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    return context


@pytest.mark.parametrize("closes", [True, False], ids=["closes", "reads nothing"])
async def test_it_is_heard_through_tls(
    *,
    closes: bool,
    door: OpenDoor,
    large: FilePart,
    tmp_path: Path,
    tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No large input could be refused by a service that is reached safely."""
    monkeypatch.setattr(storage, "PATIENCE", 0.5)
    early = refuses("413 Too Large", closes=closes)
    with rogue(early, tls, reads_body=False) as server:
        async with door(server.url, ca_file=str(tmp_path / "ca.pem")) as it:
            with pytest.raises(RejectedError, match="too large"):
                await it.call(ask(large))


async def test_it_arrives_through_tls(
    door: OpenDoor, large: FilePart, tmp_path: Path, tls: ssl.SSLContext
) -> None:
    """No run with inputs could be started at a service that is reached safely."""
    with rogue(sends(CREATED), tls) as server:
        async with door(server.url, ca_file=str(tmp_path / "ca.pem")) as it:
            assert (await it.call(ask(large))).status == 201
    assert len(server.seen[0]) > LARGE


async def test_a_yes_before_the_end_is_no_answer(door: OpenDoor, large: FilePart) -> None:
    """A run that has half of its inputs would be taken for a good one."""
    with rogue(sends(CREATED), reads_body=False) as server:
        async with door(server.url) as it:
            with pytest.raises(ProtocolError, match="before it had the whole call") as caught:
                await it.call(ask(large))
    assert caught.value.effect == "possible"


def drips(it: Connection) -> None:
    """Take the body, and answer a letter at a time."""
    it.send(b"HTTP/1.1 201 Created\r\nContent-Length: 9999\r\n\r\n")
    it.drip(itertools.repeat(b"x"))


def never(it: Connection) -> None:
    """Do nothing."""
    it.stop.wait(20)


SLOW: dict[str, tuple[Behaviour, bool]] = {
    "never reads": (never, False),
    "never answers": (never, True),
    "an answer that drips": (drips, True),
    "an early end": (sends_and_closes(b""), True),
    "half an answer": (sends_and_closes(CREATED[:-1]), True),
    "half an error": (sends_and_closes(answer(b"no", "400 Bad")[:-1]), True),
    "no HTTP": (sends_and_closes(b"SSH-2.0\r\n"), True),
    "chunks without their end": (
        sends_and_closes(b"HTTP/1.1 201 C\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
        True,
    ),
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize(("behaviour", "reads"), SLOW.values(), ids=SLOW)
async def test_it_ends_in_time_and_is_doubtful(
    behaviour: Behaviour, *, reads: bool, door: OpenDoor, large: FilePart, tmp_path: Path
) -> None:
    """A submit would hang for ever, or be called undone and made again."""
    part = file_part(tmp_path / "small", b"x") if reads else large
    with rogue(behaviour, reads_body=reads) as server:
        async with door(server.url) as it:
            began = time.monotonic()
            with pytest.raises(TransientError) as caught:
                await it.call(ask(part, limit=0.4))
    assert caught.value.effect == "possible"
    assert time.monotonic() - began < 3
    assert CANARY not in str(caught.value)


async def test_a_service_that_takes_nothing_is_left(
    door: OpenDoor, large: FilePart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upload that has hours would wait for all of them."""
    monkeypatch.setattr(storage, "PATIENCE", 0.2)
    with rogue(never, reads_body=False) as server:
        async with door(server.url) as it:
            with pytest.raises(TransientError, match="no answer in time"):
                await it.call(ask(large, limit=3600))


async def test_what_cannot_connect_was_not_sent(door: OpenDoor) -> None:
    """A job would be held as doubtful whenever a service is down."""
    with rogue(never) as gone:
        pass
    async with door(gone.url) as it:
        with pytest.raises(TransientError) as caught:
            await it.call(ask())
    assert caught.value.effect == "none"


async def test_a_cancel_breaks_it_off_and_gives_the_place_back(
    door: OpenDoor, large: FilePart
) -> None:
    """A submit that was given up would go on, and start a run that nobody looks for."""
    gone, told = threading.Event(), threading.Event()

    def waits(it: Connection) -> None:
        if int(it.header("Content-Length") or 0) > LARGE:
            assert gone.wait(10)
            broken.append(reads_on(it))
            told.set()
        else:
            reads_on(it)
            it.send(CREATED)

    broken: list[Got] = []
    with rogue(waits, reads_body=False) as server:
        async with door(server.url, at_once=1) as it:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(it.call, ask(large))
                while not server.seen:  # noqa: ASYNC110 - it is a thread
                    await anyio.sleep(0.001)
                tasks.cancel_scope.cancel()
            gone.set()
            assert (await it.call(ask())).status == 201
        assert told.wait(10)
    assert (broken[0].size < LARGE, broken[0].how) == (True, "reset")


async def test_a_form_that_was_cut_is_never_called_undone(door: OpenDoor, tmp_path: Path) -> None:
    """A job whose submit was cut would run twice."""
    call = ask(file_part(tmp_path / "x", b"0123456789"))
    with (
        rogue(sends(CREATED)) as server,
        cutting_proxy("127.0.0.1", server.port) as proxy,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        async with door(url) as it:
            await it.call(call)
        up, down = range(0, proxy.passed.up, UP_STEP), range(proxy.passed.down)
        assert len(up) > 30
        executed = 0
        for cut in [*(Cut("up", n) for n in up), *(Cut("down", n) for n in down)]:
            proxy.cut, before = cut, len(server.seen)
            (tmp_path / "account/governor.json").unlink()  # or it would hold the calls back
            async with door(url) as it:
                with pytest.raises(TransientError) as caught:
                    await it.call(call)
            assert caught.value.effect == "possible", cut
            executed += len(server.seen) - before
    assert proxy.cuts == len(up) + len(down)
    assert executed == len(down), "cut on the way back, the service had done each"
