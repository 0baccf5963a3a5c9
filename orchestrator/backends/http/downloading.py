"""Fetch the bytes behind a presigned address, from any offset on. For worker threads."""

import http.client
import re
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from orchestrator.backend import TransientError
from orchestrator.backends.http.guard import followed
from orchestrator.backends.http.line import Line, line, refusal
from orchestrator.backends.http.replying import check_form, not_understood
from orchestrator.backends.http.storage import Storage

CHUNK = 1 << 20
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)
_UNSATISFIED = re.compile(r"bytes \*/(\d{1,18})", re.ASCII)
_OK, _PARTIAL, _BEYOND = 200, 206, 416


@dataclass(slots=True)
class Stream:
    """Bytes on their way, from `start` on: an iterator of chunks of about 1 MiB.

    `start` is the offset that was asked for, or 0 where the server began anew. `size` is that of
    the whole file, None where the server does not tell: then a cut can be noticed only where the
    reply `ends` by its own word (in chunks). `etag` is as the server wrote it, `md5` that of the
    whole file in hex, where the server tells it.
    """

    status: int
    start: int
    size: int | None
    etag: str | None
    chunks: Iterator[bytes]
    md5: str | None = None
    ends: bool = False

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks

    def __next__(self) -> bytes:
        return next(self.chunks)


@contextmanager
def download(
    url: str, where: Storage, offset: int = 0, etag: str | None = None
) -> Iterator[Stream]:
    """Open a presigned address for reading; leaving the context closes it, early too.

    From an `offset` on only with the strong `etag` that the bytes before had, else from 0: bytes
    of two versions of a file must not be joined. Raises ExpiredError, TransientError (also for a
    reply that ends early), RejectedError, ProtocolError, all with effect none.
    """
    if not (etag or "").startswith('"'):
        offset, etag = 0, None
    headers = {"Accept-Encoding": "identity"}
    if offset and etag:
        headers |= {"Range": f"bytes={offset}-", "If-Range": etag}
    with line(followed(url, where), where, effect="none") as at:
        with at.alarm(where.head_limit):
            at.send_head("GET", headers)
            response = at.reply()
        stream = _judged(response, at, offset, etag)
        if stream is not None:
            yield stream
            return
    with download(url, where) as anew:
        yield anew


def _judged(
    response: http.client.HTTPResponse, at: Line, offset: int, etag: str | None
) -> Stream | None:
    """Return the stream of a reply; None when only the whole file can be had."""
    check_form(response, at)
    if response.status == _OK:
        return whole_file(response, at)
    found, length = response.getheader("ETag"), response.length
    match response.status:
        case 206 if offset:
            start = _range(response, at, offset)
            if found not in {None, etag}:
                raise not_understood(at, "a part of another version of the file")
            size = _total(response)
            if length is not None and size is not None and length != size - start:
                raise not_understood(at, "a part of another length than it says")
        case 416 if offset:
            beyond = _UNSATISFIED.fullmatch(response.getheader("Content-Range", ""))
            if beyond is None or int(beyond[1]) != offset:
                return None
            return Stream(response.status, offset, offset, found or etag, iter(()))
        case _:
            raise refusal(response, at)
    left = None if size is None else size - start
    return Stream(
        response.status, start, size, found, _chunks(response, at, left), told_md5(response)
    )


def whole_file(response: http.client.HTTPResponse, at: Line) -> Stream:
    """Return the stream of a reply that is the file from its beginning to its end."""
    size, etag = response.length, response.getheader("ETag")
    chunks = _chunks(response, at, size)
    ends = size is not None or bool(response.chunked)
    return Stream(response.status, 0, size, etag, chunks, told_md5(response), ends)


def told_md5(response: http.client.HTTPResponse) -> str | None:
    """Return in hex the MD5 of the whole object, where x-goog-hash tells it beside the crc32c.

    Source: Google Cloud Storage, XML API, response headers.
    """
    for word in response.getheader("x-goog-hash", "").split(","):
        name, _, text = word.strip().partition("=")
        if name == "md5":
            with suppress(ValueError):
                return b64decode(text, validate=True).hex()
    return None


def _range(response: http.client.HTTPResponse, at: Line, offset: int) -> int:
    found = _RANGE.fullmatch(response.getheader("Content-Range", ""))
    if found is None or int(found[1]) != offset or int(found[2]) + 1 != int(found[3]):
        raise not_understood(at, "another part of the file than was asked for")
    return offset


def _total(response: http.client.HTTPResponse) -> int | None:
    found = _RANGE.fullmatch(response.getheader("Content-Range", ""))
    return int(found[3]) if found else None


def _chunks(response: http.client.HTTPResponse, at: Line, left: int | None) -> Iterator[bytes]:
    failure = None
    try:
        while left is None or left > 0:
            chunk = _chunk(response, at, CHUNK if left is None else min(CHUNK, left))
            if not chunk:
                break
            left = None if left is None else left - len(chunk)
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        failure = TransientError(at.why(error), effect="none")
    if failure:
        raise failure
    if left:
        raise TransientError(f"{at.target.shown} ended {left} bytes too early", effect="none")


def _chunk(response: http.client.HTTPResponse, at: Line, most: int) -> bytes:
    """Return up to so many bytes, fewer only at the end."""
    pieces, got = [], 0
    while got < most:
        began = time.monotonic()
        piece = response.read1(most - got)
        at.waited(time.monotonic() - began, len(piece))
        if not piece:
            break
        pieces.append(piece)
        got += len(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
