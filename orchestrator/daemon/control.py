"""The socket at which a running daemon can be asked; `wire.py` says what goes over it.

Only the daemon's own user and root are answered. A client that leaves takes its request with it;
one that is slow or sends nonsense costs a place for seconds.
"""

import os
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import structlog.typing
from anyio.abc import SocketAttribute, SocketListener, TaskStatus, UNIXSocketStream
from pydantic import JsonValue

from orchestrator.backend import BackendError
from orchestrator.daemon.wire import (
    LONGEST_REQUEST,
    Question,
    answered,
    failed,
    read_question,
    short,
)

MOST_AT_ONCE = 16  # connections; more wait until one of these is done
SLOWEST_REQUEST = 5.0  # seconds from the first byte of a connection to the end of its request
SLOWEST_READER = 30.0  # seconds for a client to take its answer
PAUSE = 1.0  # seconds after a connection could not be taken: no descriptors, no memory

Log = structlog.typing.FilteringBoundLogger
Answer = Callable[[Question, int | None], Awaitable[JsonValue]]
"""Answers a question that may come with an open file. Raises the five errors."""


async def serve(
    path: Path,
    answer: Answer,
    log: Log,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Answer at the socket until cancelled; the home's lock is held by the caller.

    It has started when it can be asked. A socket that cannot be made is no reason not to serve: it
    is logged.
    """
    try:
        listener = await SocketListener.from_socket(_bound(path))
    except OSError as error:
        log.warning("nobody can ask this daemon", path=str(path), error=str(error))
        task_status.started()
        return
    task_status.started()
    places = anyio.Semaphore(MOST_AT_ONCE)
    try:
        async with listener, anyio.create_task_group() as group:
            while True:
                await places.acquire()
                stream = await _accept(listener, log)
                group.start_soon(_converse, stream, answer, log, places)
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


def _bound(path: Path) -> socket.socket:
    """Make the socket, for its owner alone from the first moment on; an old one is removed."""
    _remove(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        os.fchmod(sock.fileno(), 0o600)  # Linux gives these rights to the file that bind makes
        with short(path) as name:
            sock.bind(name)
        sock.listen(MOST_AT_ONCE)
        sock.setblocking(False)  # noqa: FBT003 - the socket's own signature
    except BaseException:
        sock.close()
        raise
    return sock


async def _accept(listener: SocketListener, log: Log) -> UNIXSocketStream:
    while True:
        try:
            stream = await listener.accept()
        except OSError as error:
            log.warning("a connection could not be taken", error=str(error))
            await anyio.sleep(PAUSE)
            continue
        assert isinstance(stream, UNIXSocketStream)  # noqa: S101 - what the listener is made for
        return stream


async def _converse(
    stream: UNIXSocketStream,
    answer: Answer,
    log: Log,
    places: anyio.Semaphore,
) -> None:
    """Read one request, answer it, and let the place go."""
    try:
        async with stream:
            if not _may_ask(stream):
                return
            with anyio.fail_after(SLOWEST_REQUEST):
                line, file = await _read(stream)
            try:
                reply = await _reply(stream, line, file, answer, log)
            finally:
                if file is not None:
                    os.close(file)
            if reply is not None:
                with anyio.fail_after(SLOWEST_READER):
                    await stream.send(reply)
    except (OSError, TimeoutError, anyio.BrokenResourceError, anyio.EndOfStream):
        return  # it has left, or is too slow
    finally:
        places.release()


def _may_ask(stream: UNIXSocketStream) -> bool:
    raw = stream.extra(SocketAttribute.raw_socket)  # noqa: S610 - not Django's
    size = struct.calcsize("iII")
    _, uid, _ = struct.unpack("iII", raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    return uid in {0, os.geteuid()}


async def _read(stream: UNIXSocketStream) -> tuple[bytes, int | None]:
    """Return the request's line, and the file that came with its first bytes."""
    data, files = await stream.receive_fds(LONGEST_REQUEST, 1)
    for file in files:
        os.set_inheritable(file, False)  # noqa: FBT003 - the function's own signature
    try:
        while data and b"\n" not in data and len(data) <= LONGEST_REQUEST:
            data += await stream.receive()
    except BaseException:
        for file in files:
            os.close(file)
        raise
    return data, files[0] if files else None


async def _reply(
    stream: UNIXSocketStream,
    line: bytes,
    file: int | None,
    answer: Answer,
    log: Log,
) -> bytes | None:
    """Return the answer as it is sent; None when the client left before it was there."""
    try:
        question = read_question(line)
    except BackendError as error:
        return failed(error)
    log.info("asked", backend=question.backend, verb=question.verb)
    reply: bytes | None = None

    async def leave_with_the_client() -> None:
        with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
            while True:
                await stream.receive()
        group.cancel_scope.cancel()

    async with anyio.create_task_group() as group:
        group.start_soon(leave_with_the_client)
        try:
            reply = answered(await answer(question, file))
        except BackendError as error:
            reply = failed(error)
        except Exception as error:  # a fault in the backend's code must not end the daemon
            log.exception("asking failed", backend=question.backend, verb=question.verb)
            reply = failed(BackendError(f"internal error: {type(error).__name__}; see the log"))
        group.cancel_scope.cancel()
    return reply
