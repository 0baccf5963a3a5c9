"""Uploads to presigned addresses."""

import hashlib
import itertools
import os
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from orchestrator.backend import BackendError, ProtocolError, RejectedError, TransientError
from orchestrator.backends.http import Account, ExpiredError, storage_of, upload
from tests.http.conftest import flat_memory
from tests.http.rogue import Behaviour, Connection, answer, rogue, sends, sends_and_closes

DATA = bytes(range(256)) * 40_000
WHERE = replace(
    storage_of(Account(url="http://127.0.0.1", private_network=True, storage_hosts=("localhost",))),
    hosts=("127.0.0.1", "localhost"),
)
HASTY = replace(WHERE, patience=0.5, head_limit=0.5, window=0.5)  # where time must run out


@pytest.fixture
def file(tmp_path: Path) -> Iterator[int]:
    """An open file that holds DATA."""
    (tmp_path / "file").write_bytes(DATA)
    fd = os.open(tmp_path / "file", os.O_RDONLY)
    yield fd
    os.close(fd)


def takes(it: Connection) -> None:
    """Take a file as a storage does: the ETag is its MD5."""
    digest = hashlib.md5(it.body, usedforsecurity=False).hexdigest()
    it.send(answer(b"", "200 OK", f'ETag: "{digest}"'))


def md5(data: bytes) -> str:
    """Return what a storage calls these bytes."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def test_slices_arrive_whole_and_at_once(file: int) -> None:
    """An input would be damaged over there."""
    size = len(DATA) // 4
    with rogue(takes) as server, ThreadPoolExecutor(4) as pool:
        sent = [
            pool.submit(upload, f"{server.url}/{n}?sig=1", file, n * size, size, WHERE)
            for n in range(4)
        ]
        tags = [one.result() for one in sent]
    assert tags == [md5(DATA[n * size : (n + 1) * size]) for n in range(4)]
    for request in server.seen:
        lines = request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
        names = {line.partition(":")[0] for line in lines[1:]}
        assert names == {"Host", "Connection", "Content-Length"}


def test_an_empty_file_arrives(file: int) -> None:
    """A job with an empty input could not start."""
    with rogue(takes) as server:
        assert upload(f"{server.url}/x", file, 0, 0, WHERE) == md5(b"")


def test_it_goes_through_tls(file: int) -> None:
    """Inputs could not be sent to any public storage."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    where = replace(WHERE, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    authority.configure_trust(where.tls)
    with rogue(takes, context) as server:
        url = f"https://localhost:{server.port}/x"
        assert upload(url, file, 3, 3_000_000, where) == md5(DATA[3:3_000_003])


def refuses_early(it: Connection) -> None:
    """Answer without reading the body, then close."""
    it.send(answer(b"", "403 Forbidden", "Connection: close"))
    it.stop.wait(0.2)
    raise ConnectionAbortedError


def reads_nothing(it: Connection) -> None:
    """Never read the body."""
    it.stop.wait(60)


def drips(it: Connection) -> None:
    """Answer a letter at a time."""
    it.send(b"HTTP/1.1 200 OK\r\nX: ")
    it.drip(itertools.repeat(b"x"))


BAD: dict[str, tuple[Behaviour, type[BackendError], str]] = {
    "expired": (sends(answer(b"", "403 Forbidden")), ExpiredError, "none"),
    "an error": (sends(answer(b"", "500 No")), TransientError, "possible"),
    "refused": (sends(answer(b"", "400 Bad Request")), RejectedError, "none"),
    "a redirect": (sends(answer(b"", "307 No", "Location: /")), ProtocolError, "possible"),
    "an early end": (sends_and_closes(b""), TransientError, "possible"),
    "an end within the headers": (
        sends_and_closes(b'HTTP/1.1 200 OK\r\nETag: "a'),
        TransientError,
        "possible",
    ),
    "a reply that drips": (drips, TransientError, "possible"),
}


@pytest.mark.parametrize(("behaviour", "error", "effect"), BAD.values(), ids=BAD.keys())
def test_an_upload_ends_in_time_with_the_right_error(
    behaviour: Behaviour, error: type[BackendError], effect: str, file: int
) -> None:
    """A worker thread would hang for ever, or an input be taken for uploaded."""
    with rogue(behaviour) as server:
        where = HASTY if behaviour is drips else WHERE
        with flat_memory(), pytest.raises(BackendError) as caught:
            upload(f"{server.url}/x?sig=SECRET", file, 0, len(DATA), where)
    assert (type(caught.value), caught.value.effect) == (error, effect)
    assert "SECRET" not in str(caught.value)


@pytest.mark.parametrize(
    ("behaviour", "error"), [(refuses_early, ExpiredError), (reads_nothing, TransientError)]
)
def test_a_server_that_does_not_read_is_left(
    behaviour: Behaviour, error: type[BackendError], tmp_path: Path
) -> None:
    """Gigabytes would be sent to a server that has said no, or a thread hang for ever."""
    with (tmp_path / "large").open("wb+") as large, rogue(behaviour, reads_body=False) as server:
        large.truncate(1 << 30)
        where = HASTY if behaviour is reads_nothing else WHERE
        began = time.monotonic()
        with pytest.raises(error):
            upload(f"{server.url}/x", large.fileno(), 0, 1 << 30, where)
        assert time.monotonic() - began < 10  # far less than the limits of anybody else


def test_a_file_that_became_shorter_is_told(file: int) -> None:
    """The upload would wait for bytes that never come."""
    with rogue(takes) as server, pytest.raises(RejectedError, match="shorter"):
        upload(f"{server.url}/x", file, 0, len(DATA) + 1, WHERE)
