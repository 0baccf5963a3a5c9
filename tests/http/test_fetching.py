"""Files that the service itself serves: read in a worker thread, with the account's credentials."""

import itertools
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import anyio
import pytest
import trustme
from anyio.to_thread import run_sync

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http import Account, Ask, Door, Reply, Use, as_path, open_door, storage
from orchestrator.testing.cutting import Cut, cutting_proxy
from tests.http.conftest import CANARY, OpenDoor, flat_memory
from tests.http.rogue import Behaviour, Connection, answer, rogue, sends, sends_and_closes

pytestmark = pytest.mark.usefixtures("certificates")
DATA = bytes(range(256)) * 12_000  # three chunks and a bit
ASK = Ask("GET", "/job/1/file/x", Use.TRANSFER, reads=True, limit=5)
POLL = Ask("GET", "/job/1/", Use.POLL, reads=True, limit=5)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let time run out soon, where it must."""
    for name in ("PATIENCE", "HEAD_LIMIT", "WINDOW"):
        monkeypatch.setattr(storage, name, 0.3)


def fetched(door: Door, ask: Ask = ASK) -> bytes:
    """Read a file to its end."""
    with door.fetching(ask) as stream:
        assert stream.start == 0
        return b"".join(stream)


async def test_a_file_comes_whole_and_with_our_credentials(door: OpenDoor) -> None:
    """No result of a service without storage addresses could be fetched."""
    asked = Ask("GET", "/job/1/file/x", Use.TRANSFER, reads=True, params={"raw": "ä"})
    with rogue(sends(answer(DATA, "200 OK", 'ETag: "v1"'))) as server:
        async with door(server.url) as it:
            assert await run_sync(fetched, it, asked) == DATA
    [request] = server.seen
    lines = request.decode().rstrip().split("\r\n")
    assert lines[0] == "GET /job/1/file/x?raw=%C3%A4 HTTP/1.1"
    assert f"Authorization: Bearer {CANARY}" in lines
    assert "Accept-Encoding: identity" in lines


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("dir with space/ä file.txt", "dir%20with%20space/%C3%A4%20file.txt"),
        ("a?b#c%2e;d&e=f+g", "a%3Fb%23c%252e%3Bd%26e%3Df%2Bg"),
        ("...\\..", "...%5C.."),
        ("%2e%2e/x", "%252e%252e/x"),
    ],
)
async def test_a_foreign_name_is_the_name_of_a_file(name: str, path: str, door: OpenDoor) -> None:
    """A result with an odd name could not be fetched, or another one came in its place."""
    with rogue(sends(answer(DATA))) as server:
        async with door(f"{server.url}/api") as it:
            asked = Ask("GET", f"job/1/file/{as_path(name)}", Use.TRANSFER, reads=True)
            await run_sync(fetched, it, asked)
    assert server.seen[0].startswith(f"GET /api/job/1/file/{path} HTTP/1.1\r\n".encode())


@pytest.mark.parametrize("name", ["", "/x", "x/", "a//b", "..", "a/../b", ".", "./a", "\ud800"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    """A service could have us call, with our credentials, what no person asked for."""
    with pytest.raises(RejectedError) as caught:
        as_path(name)
    assert caught.value.effect == "none"


def drips(head: str) -> Behaviour:
    """Answer a byte at a time."""

    def behave(it: Connection) -> None:
        it.send(head.encode())
        it.drip(itertools.repeat(b"x"))

    return behave


OK = "HTTP/1.1 200 OK\r\n"
BAD: dict[str, tuple[Behaviour, type[BackendError]]] = {
    "a part": (
        sends(answer(b"x", "206 Partial Content", "Content-Range: bytes 0-0/9")),
        ProtocolError,
    ),
    "no content": (sends(answer(b"", "204 No Content")), ProtocolError),
    "a redirect": (sends(answer(b"", "302 Found", "Location: http://[::1]/")), ProtocolError),
    "an encoding": (sends(answer(b"x", "200 OK", "Content-Encoding: gzip")), ProtocolError),
    "two lengths": (
        sends(f"{OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode()),
        ProtocolError,
    ),
    "denied": (sends(answer(b"", "403 Forbidden")), AuthError),
    "unknown": (sends(answer(b"", "401 Unauthorized")), AuthError),
    "gone": (sends(answer(b"", "404 Not Found")), RejectedError),
    "busy": (sends(answer(b"", "429 Too Many")), QuotaError),
    "broken": (sends(answer(b"", "500 No")), TransientError),
    "half an error": (sends_and_closes(answer(b"no", "404 No")[:-1]), TransientError),
    "a short body": (
        sends_and_closes(f"{OK}Content-Length: 999\r\n\r\nabc".encode()),
        TransientError,
    ),
    "chunks without their end": (
        sends_and_closes(f"{OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".encode()),
        TransientError,
    ),
    "silence": (lambda it: it.stop.wait(60), TransientError),
    "headers that drip": (drips(f"{OK}X-Slow: "), TransientError),
    "a body that drips": (drips(f"{OK}Content-Length: 999999\r\n\r\n"), TransientError),
    "an error that drips": (drips("HTTP/1.1 404 No\r\nContent-Length: 99\r\n\r\n"), TransientError),
    "no HTTP": (sends_and_closes(b"SSH-2.0\r\n"), TransientError),
    "an early end": (sends_and_closes(b""), TransientError),
}


@pytest.mark.timeout(10)
@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("behaviour", "error"), BAD.values(), ids=BAD.keys())
async def test_it_ends_in_time_with_the_right_error(
    behaviour: Behaviour, error: type[BackendError], door: OpenDoor
) -> None:
    """A worker thread would hang for ever, or a damaged file be taken for a whole one."""
    asked = Ask("GET", "/x", Use.TRANSFER, reads=True, params={"sig": CANARY}, limit=0.3)
    with rogue(behaviour) as server:
        async with door(server.url, at_once=1) as it:
            began = time.monotonic()
            with pytest.raises(BackendError) as caught:
                await run_sync(fetched, it, asked)
            assert time.monotonic() - began < 3
    assert (type(caught.value), caught.value.effect) == (error, "none")
    assert f"127.0.0.1:{server.port}/x" in str(caught.value)
    assert CANARY not in str(caught.value)


async def test_a_service_may_think_before_a_file_begins(
    door: OpenDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a service must put together first could never be fetched."""
    for name in ("PATIENCE", "HEAD_LIMIT"):  # those of addresses that a storage serves at once
        monkeypatch.setattr(storage, name, 0.1)

    def thinks(it: Connection) -> None:
        it.stop.wait(0.3)  # longer than nothing may come once it has begun
        it.send(answer(DATA))

    with rogue(thinks) as server:
        async with door(server.url) as it:
            assert await run_sync(fetched, it) == DATA


async def test_nothing_is_fetched_from_elsewhere(door: OpenDoor) -> None:
    """The account's key would be handed to whoever the service names."""
    with rogue(sends(answer())) as thief, rogue(sends(answer())) as server:
        async with door(server.url) as it:
            asked = Ask("GET", f"{thief.url}/x", Use.TRANSFER, reads=True)
            with pytest.raises(ProtocolError, match="not its own"):
                await run_sync(fetched, it, asked)
    assert (thief.connections, server.connections) == (0, 0)


async def test_an_error_without_end_is_not_read(door: OpenDoor) -> None:
    """A service that is broken could fill our memory."""

    def endless(it: Connection) -> None:
        it.send(b"HTTP/1.1 500 No\r\nContent-Length: 99999999999\r\n\r\n")
        it.drip(itertools.repeat(b"x" * 65536), every=0)

    with rogue(endless) as server:
        async with door(server.url) as it:
            with flat_memory(), pytest.raises(TransientError):
                await run_sync(fetched, it)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "fault",
    [
        answer(b"", "503 No"),
        answer(b"", "401 No"),
        answer(DATA)[:-1],  # it breaks off on the way
        b"",
    ],
    ids=["503", "401", "half a file", "an early end"],
)
async def test_its_failures_count_as_those_of_every_call(fault: bytes, door: OpenDoor) -> None:
    """A service in trouble would be asked for file after file, and its account be blocked."""
    with rogue(sends_and_closes(fault)) as server:
        async with door(server.url) as it:
            for _ in range(5):
                with pytest.raises((TransientError, AuthError)):
                    await run_sync(fetched, it)
            with pytest.raises(QuotaError, match="5 times in a row"):
                await it.call(POLL)
    assert server.connections == 5


async def test_what_it_asks_for_is_kept(door: OpenDoor) -> None:
    """A service that asked to be left alone would be called on, and lock the account."""
    with rogue(sends(answer(b"", "429 Too Many", "Retry-After: 70"))) as server:
        async with door(server.url) as it:
            for call in (run_sync(fetched, it), run_sync(fetched, it), it.call(POLL)):
                with pytest.raises(QuotaError) as caught:
                    await call
                assert caught.value.retry_after == pytest.approx(70, abs=5)
    assert server.connections == 1


async def test_a_count_that_comes_with_a_file_is_kept(door: OpenDoor) -> None:
    """Files would be fetched until the service refuses, and nothing else could be done there."""
    counted = ("X-RateLimit-Remaining: 0", "X-RateLimit-Reset: 600", "X-RateLimit-Limit: 100")
    with rogue(sends(answer(DATA, "200 OK", *counted))) as server:
        async with door(server.url) as it:
            assert await run_sync(fetched, it) == DATA
            with pytest.raises(QuotaError, match="0 of 100 calls are left"):
                await run_sync(fetched, it)


async def test_what_a_service_says_in_its_own_way_is_heard(tmp_path: Path) -> None:
    """A used-up quota would be taken for a file that is gone, and the result given up."""

    def reading(_: Ask, __: Reply, said: Callable[[], str]) -> BackendError:
        return QuotaError(f"over: {said()}", effect="none")

    with rogue(sends(answer(b'"no credit"', "404 No"))) as server:
        account = Account(url=server.url)
        async with open_door(account, tmp_path, name="cloud", reading=reading) as it:
            with pytest.raises(QuotaError, match="over: no credit"):
                await run_sync(fetched, it)


async def test_a_file_under_way_is_a_call_under_way(door: OpenDoor) -> None:
    """A service that allows one call at once would refuse the others; or none could be made."""
    told = threading.Event()

    def behave(it: Connection) -> None:
        if b"/file/" in it.head:
            it.send(OK.encode(), f"Content-Length: {len(DATA)}\r\n\r\n".encode())
            told.wait(10)
            it.send(DATA)
        else:
            it.send(answer())

    async def both(places: int) -> str:
        told.clear()
        async with door(server.url, at_once=places) as it, anyio.create_task_group() as tasks:
            before = len(server.seen)
            tasks.start_soon(run_sync, partial(fetched, it))
            while len(server.seen) == before:  # noqa: ASYNC110 - it is a thread
                await anyio.sleep(0.001)
            try:
                with pytest.raises(QuotaError, match="at once"):
                    await run_sync(fetched, it, replace(ASK, limit=0.1))  # it leaves the last place
                await it.call(replace(POLL, limit=0.1 if places == 1 else 5))
            except QuotaError as error:
                return str(error)
            finally:
                told.set()
        return "answered"

    with rogue(behave) as server:
        assert "as many calls as it may have at once" in await both(1)
        assert await both(2) == "answered"


@pytest.mark.parametrize("abandoned", [True, False])
async def test_a_cancel_ends_the_thread_and_gives_the_place_back(
    *, abandoned: bool, door: OpenDoor
) -> None:
    """After some harvests that were given up an account would stand still for ever."""
    ended, began = threading.Event(), threading.Event()

    def behave(it: Connection) -> None:
        if b"/file/" in it.head:
            it.send(OK.encode(), b"Content-Length: 99999999\r\n\r\n")
            began.set()
            it.drip(itertools.repeat(b"x"), every=0.01)
        else:
            it.send(answer())

    def fetch(it: Door) -> None:
        try:
            fetched(it)
        finally:
            ended.set()

    with rogue(behave) as server:
        async with door(server.url, at_once=1) as it:
            async with anyio.create_task_group() as tasks:

                async def give_up() -> None:
                    await run_sync(began.wait, 10)
                    tasks.cancel_scope.cancel()

                tasks.start_soon(give_up)
                await run_sync(fetch, it, abandon_on_cancel=abandoned)
            await run_sync(ended.wait, 10)
            assert (await it.call(POLL)).status == 200


async def test_a_thread_that_waits_for_a_place_ends_with_its_task(door: OpenDoor) -> None:
    """A daemon that stops would wait for calls that never begin."""
    with rogue(lambda it: it.stop.wait(20)) as server:
        async with door(server.url, at_once=1) as it, anyio.create_task_group() as tasks:
            tasks.start_soon(it.call, ASK)
            while not server.seen:  # noqa: ASYNC110 - it is a thread
                await anyio.sleep(0.001)
            began = time.monotonic()
            with anyio.move_on_after(0.1) as waiting:
                await run_sync(fetched, it)
            assert waiting.cancelled_caught
            assert time.monotonic() - began < 3
            tasks.cancel_scope.cancel()


@pytest.mark.usefixtures("hasty")
async def test_a_file_that_was_cut_anywhere_is_never_taken_for_whole(
    door: OpenDoor, tmp_path: Path
) -> None:
    """A result would be damaged."""
    with (
        rogue(sends(answer(b"0123456789", "200 OK", "Connection: close"))) as server,
        cutting_proxy("127.0.0.1", server.port) as proxy,
    ):
        url = f"http://127.0.0.1:{proxy.port}"
        async with door(url) as it:
            assert await run_sync(fetched, it) == b"0123456789"
        for after in range(proxy.passed.down):
            proxy.cut = Cut("down", after)
            (tmp_path / "account/governor.json").unlink()  # or it would hold the calls back
            async with door(url) as it:
                with pytest.raises(TransientError):
                    await run_sync(fetched, it)
    assert proxy.cuts == proxy.passed.down + 1 > 60


async def test_it_comes_through_tls_and_through_the_proxy(door: OpenDoor, tmp_path: Path) -> None:
    """A workstation behind a proxy, or a service of one's own institute, would give no result."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with rogue(sends(answer(DATA)), context) as server:
        async with door(server.url, ca_file=str(tmp_path / "ca.pem")) as it:
            assert await run_sync(fetched, it) == DATA
        async with door(server.url) as it:
            with pytest.raises(TransientError, match="certificate is not accepted"):
                await run_sync(fetched, it)
    with rogue(sends(answer(DATA))) as proxy:
        async with door("http://service.example.org/v1", proxy=proxy.url) as it:
            assert await run_sync(fetched, it) == DATA
    assert proxy.seen[0].startswith(b"GET http://service.example.org/v1/job/1/file/x HTTP/1.1")
