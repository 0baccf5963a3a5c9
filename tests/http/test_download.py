"""Downloads from servers that keep to the protocol, and from those that do not."""

import itertools
import re
import socket
import ssl
import time
from dataclasses import replace
from typing import Any

import pytest
import trustme

from orchestrator.backend import BackendError, ProtocolError, RejectedError, TransientError
from orchestrator.backends.http import Account, ExpiredError, Storage, download, storage_of
from tests.http.conftest import CANARY, flat_memory
from tests.http.rogue import Behaviour, Connection, answer, rogue, sends, sends_and_closes

DATA = bytes(range(256)) * 12_000  # three chunks and a bit
ETAG = '"v1"'
WHERE = replace(
    storage_of(Account(url="http://127.0.0.1", private_network=True)),
    patience=0.5,
    head_limit=0.5,
    window=0.5,
)


def fetched(url: str, where: Storage, offset: int = 0, etag: str | None = None) -> bytes:
    """Read a download to its end."""
    with download(url, where, offset, etag) as stream:
        return b"".join(stream)


def stores(it: Connection) -> None:
    """Serve DATA as a storage does, with ranges."""
    wanted = it.header("Range")
    if wanted is None or it.header("If-Range") != ETAG:
        it.send(answer(DATA, "200 OK", f"ETag: {ETAG}"))
        return
    start = int(wanted.removeprefix("bytes=").rstrip("-"))
    if start >= len(DATA):
        it.send(answer(b"", "416 No", f"Content-Range: bytes */{len(DATA)}"))
        return
    part = f"Content-Range: bytes {start}-{len(DATA) - 1}/{len(DATA)}"
    it.send(answer(DATA[start:], "206 Partial Content", part, f"ETag: {ETAG}"))


@pytest.mark.parametrize("offset", [0, 1, 1_000_001, len(DATA) - 1, len(DATA)])
def test_a_file_comes_whole_or_from_an_offset(offset: int) -> None:
    """A resumed download would be damaged."""
    with rogue(stores) as server, download(f"{server.url}/f", WHERE, offset, ETAG) as stream:
        assert (stream.start, stream.size, stream.etag) == (offset, len(DATA), ETAG)
        chunks = list(stream)
    assert b"".join(chunks) == DATA[offset:]
    assert all(len(chunk) <= 1 << 20 for chunk in chunks)


@pytest.mark.parametrize("etag", ['"v0"', 'W/"v1"', None])
def test_bytes_of_two_versions_are_never_joined(etag: str | None) -> None:
    """A result would be half of one file and half of another."""
    with rogue(stores) as server, download(f"{server.url}/f", WHERE, 1000, etag) as stream:
        assert stream.start == 0
        assert b"".join(stream) == DATA


def test_a_file_that_became_shorter_begins_anew() -> None:
    """A harvest would fail for ever."""

    def behave(it: Connection) -> None:
        if it.header("Range"):
            it.send(answer(b"", "416 No", "Content-Range: bytes */10"))
        else:
            it.send(answer(b"0123456789"))

    with rogue(behave) as server, download(f"{server.url}/f", WHERE, 1000, ETAG) as stream:
        assert stream.start == 0
        assert b"".join(stream) == b"0123456789"


def part(content_range: str, body: bytes, *more: str) -> Behaviour:
    """Answer with a part of a file."""
    return sends(answer(body, "206 Partial Content", f"Content-Range: {content_range}", *more))


def drip(head: str) -> Behaviour:
    """Answer a byte at a time."""

    def behave(it: Connection) -> None:
        it.send(head.encode())
        it.drip(itertools.repeat(b"x"))

    return behave


def never(it: Connection) -> None:
    """Send nothing but informational replies."""
    it.drip(itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"), every=0)


OK = "HTTP/1.1 200 OK\r\n"
EXPIRED = b"<Error><Code>ExpiredToken</Code></Error>"
BAD: dict[str, tuple[Behaviour, type[BackendError]]] = {
    "another part": (part("bytes 5-99/100", b"x" * 90), ProtocolError),
    "not to the end": (part("bytes 10-50/100", b"x" * 41), ProtocolError),
    "no total": (part("bytes 10-99/*", b"x" * 90), ProtocolError),
    "another version": (part("bytes 10-99/100", b"x" * 90, 'ETag: "v2"'), ProtocolError),
    "another length": (part("bytes 10-99/100", b"x" * 80), ProtocolError),
    "several parts": (
        sends(answer(b"--x", "206 Partial Content", "Content-Type: multipart/byteranges")),
        ProtocolError,
    ),
    "a redirect": (sends(answer(b"", "302 Found", "Location: http://[::1]/")), ProtocolError),
    "an encoding": (sends(answer(b"x", "200 OK", "Content-Encoding: gzip")), ProtocolError),
    "two lengths": (
        sends(f"{OK}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode()),
        ProtocolError,
    ),
    "expired": (sends(answer(b"", "403 Forbidden")), ExpiredError),
    "token expired": (sends(answer(EXPIRED, "400 Bad Request")), ExpiredError),
    "gone": (sends(answer(b"", "404 Not Found")), RejectedError),
    "busy": (sends(answer(b"", "503 Slow Down", "Retry-After: 7")), TransientError),
    "a short body": (
        sends_and_closes(f"{OK}Content-Length: 999\r\n\r\nabc".encode()),
        TransientError,
    ),
    "a cut chunk": (
        sends_and_closes(f"{OK}Transfer-Encoding: chunked\r\n\r\n40\r\nabc".encode()),
        TransientError,
    ),
    "chunks without their end": (
        sends_and_closes(f"{OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n".encode()),
        TransientError,
    ),
    "silence": (lambda it: it.stop.wait(60), TransientError),
    "headers that drip": (drip(f"{OK}X-Slow: "), TransientError),
    "a body that drips": (drip(f"{OK}Content-Length: 999999\r\n\r\n"), TransientError),
    "chunks that drip": (drip(f"{OK}Transfer-Encoding: chunked\r\n\r\nfffff\r\n"), TransientError),
    "endless 1xx": (never, TransientError),
    "no HTTP": (sends_and_closes(b"SSH-2.0\r\n"), TransientError),
    "an end within the headers": (sends_and_closes(OK.encode() + b"ETag: x"), TransientError),
    "an end before the body": (sends_and_closes(OK.encode() + b"ETag: x\r\n"), TransientError),
    "an early end": (sends_and_closes(b""), TransientError),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("behaviour", "error"), BAD.values(), ids=BAD.keys())
def test_a_download_ends_in_time_with_the_right_error(
    behaviour: Behaviour, error: type[BackendError]
) -> None:
    """A worker thread would hang for ever, or a damaged file be taken for a whole one."""
    with rogue(behaviour) as server:
        began = time.monotonic()
        with flat_memory(), pytest.raises(BackendError) as caught:
            fetched(f"{server.url}/f?sig={CANARY}", WHERE, 10, ETAG)
        assert time.monotonic() - began < 3
    assert type(caught.value) is error
    assert caught.value.effect == "none"
    assert CANARY not in str(caught.value)


def test_the_time_a_storage_asks_for_is_kept() -> None:
    """A storage that asks to be left alone would be called on at once."""
    with (
        rogue(sends(answer(b"", "503 Slow Down", "Retry-After: 7"))) as server,
        pytest.raises(TransientError) as caught,
        download(f"{server.url}/f", WHERE),
    ):
        pass
    assert caught.value.retry_after == 7


def test_a_length_that_is_not_told_is_said() -> None:
    """A cut download would be taken for a whole one."""
    cut = sends_and_closes(b"HTTP/1.1 200 OK\r\n\r\nabc")
    with rogue(cut) as server, download(f"{server.url}/f", WHERE) as stream:
        assert stream.size is None
        assert b"".join(stream) == b"abc"


def test_a_download_may_be_left_early() -> None:
    """A cancelled harvest would have to wait for the last byte of a terabyte."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"

    def endless(it: Connection) -> None:
        it.send(head)
        it.drip(itertools.repeat(bytes(1 << 16)), every=0)

    with rogue(endless) as server, flat_memory(), download(f"{server.url}/f", WHERE) as stream:
        assert len(next(stream)) == 1 << 20


def test_nothing_of_ours_is_sent_with_it() -> None:
    """A storage provider would get the account's key."""
    with rogue(stores) as server, download(f"{server.url}/f?sig=a%2Fb+c", WHERE) as stream:
        list(stream)
    [request] = server.seen
    lines = request.decode().rstrip("\r\n").split("\r\n")
    assert lines[0] == "GET /f?sig=a%2Fb+c HTTP/1.1"
    names = {line.partition(":")[0] for line in lines[1:]}
    assert names == {"Host", "Connection", "Accept-Encoding"}


def test_the_connection_goes_to_the_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name service that answers otherwise the second time would lead us where it likes."""
    look_up, asked = socket.getaddrinfo, []

    def once(host: str, *args: Any, **more: Any) -> Any:
        if host == "127.0.0.1":  # no name, but what the name led to
            return look_up(host, *args, **more)
        asked.append(host)
        return look_up("127.0.0.1" if len(asked) == 1 else "192.0.2.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    where = replace(WHERE, hosts=("*.example.org",))
    with rogue(stores) as server:
        assert fetched(f"http://s3.example.org:{server.port}/f", where) == DATA
    assert asked == ["s3.example.org"]
    assert f"Host: s3.example.org:{server.port}".encode() in server.seen[0]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of one's own."""
    return trustme.CA()


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    """Return a server's side with a certificate for a name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trusting(authority: trustme.CA | None) -> Storage:
    """Return a storage that may be private, and trusts this authority beside the usual ones."""
    account = Account(url="https://127.0.0.1", private_network=True, storage_hosts=("localhost",))
    where = replace(storage_of(account), patience=0.5, head_limit=2.0)
    if authority:
        authority.configure_trust(where.tls)
    return where


def test_tls_is_checked_by_name(authority: trustme.CA) -> None:
    """Anybody on the way could read and change results."""
    with rogue(stores, server_context(authority, "localhost")) as server:
        url = f"https://localhost:{server.port}/f"
        assert fetched(url, trusting(authority)) == DATA
        with pytest.raises(TransientError, match="certificate"):
            fetched(url, trusting(None))
    with (
        rogue(stores, server_context(authority, "other.example.org")) as server,
        pytest.raises(TransientError, match="certificate"),
    ):
        fetched(f"https://localhost:{server.port}/f", trusting(authority))


def test_a_handshake_that_drips_ends_in_time() -> None:
    """A worker thread would hang for ever before the first byte."""
    where = replace(trusting(None), head_limit=0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        with (
            pytest.raises(TransientError),
            download(f"https://localhost:{silent.getsockname()[1]}/f", where),
        ):
            pass
        assert time.monotonic() - began < 3


def test_the_proxy_is_asked_for_a_tunnel(authority: trustme.CA) -> None:
    """A workstation behind a proxy would get no result."""
    with rogue(sends(answer(b"", "403 Forbidden"))) as proxy:
        where = replace(trusting(authority), proxy=("127.0.0.1", proxy.port))
        with pytest.raises(TransientError), download("https://localhost:444/f?sig=1", where):
            pass
    assert proxy.seen[0].startswith(b"CONNECT localhost:444 HTTP/1.")
    assert re.search(b"sig", proxy.seen[0]) is None
