"""Send a slice of a file to a presigned address. For worker threads, several at once."""

import os
import select
import ssl
import time
from collections.abc import Callable
from contextlib import suppress

from orchestrator.backend import RejectedError, TransientError
from orchestrator.backends.http.downloading import told_md5
from orchestrator.backends.http.guard import followed
from orchestrator.backends.http.line import Line, line, refusal
from orchestrator.backends.http.storage import Storage

BLOCK = 1 << 20


def upload(
    url: str,
    file: int,
    start: int,
    length: int,
    where: Storage,
    *,
    content_type: str | None = None,
    md5: str | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> str:
    """PUT `length` bytes of an open file from `start` on; return the ETag, without its quotes.

    The file's position is not used, so that its slices may be sent at the same time. `stop` is
    asked between blocks: from then on nothing more is sent. `content_type` is for addresses that
    are signed for one; `md5` in hex is held against what the storage says it took. Raises
    ExpiredError, TransientError (when stopped, too), ProtocolError, and RejectedError when the file
    is too short.
    """
    with line(followed(url, where), where, effect="possible") as at:
        with at.alarm(where.head_limit):
            typed = {} if content_type is None else {"Content-Type": content_type}
            at.send_head("PUT", {"Content-Length": str(length), **typed})
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # the answer says why, if there is one
            _send(at, file, start, length, stop)
        with at.alarm(where.head_limit):
            response = at.reply()
            if not 200 <= response.status < 300:  # noqa: PLR2004 - as HTTP numbers them
                raise refusal(response, at)
        told = told_md5(response)
        if md5 is not None and told not in {None, md5}:
            raise TransientError(f"{at.target.shown} took other bytes than were sent")
        return (response.getheader("ETag") or "").strip().removeprefix("W/").strip('"')


def _send(at: Line, file: int, start: int, length: int, stop: Callable[[], bool]) -> None:
    send = _encrypted if isinstance(at.socket, ssl.SSLSocket) else _plain
    offset, end = start, start + length
    while offset < end:
        if stop():
            raise TransientError(f"{at.target.shown}: the sending was given up")
        began = time.monotonic()
        sent = send(at, file, offset, end - offset)
        if sent is None:
            return
        at.waited(time.monotonic() - began, sent)
        offset += sent


def _plain(at: Line, file: int, offset: int, left: int) -> int | None:
    """Let the kernel send; None when the server answered already."""
    ready = select.poll()
    ready.register(at.socket, select.POLLIN | select.POLLOUT)
    events = ready.poll(at.where.patience * 1000)
    if not events:
        raise TimeoutError
    if events[0][1] & select.POLLIN:
        return None
    sent = os.sendfile(at.socket.fileno(), file, offset, left)
    if sent == 0:
        raise _too_short(at)
    return sent


def _encrypted(at: Line, file: int, offset: int, left: int) -> int:
    block = os.pread(file, min(BLOCK, left), offset)
    if not block:
        raise _too_short(at)
    at.socket.sendall(block)
    return len(block)


def _too_short(at: Line) -> RejectedError:
    return RejectedError(
        f"the file became shorter while it was sent to {at.target.host}", effect="none"
    )
