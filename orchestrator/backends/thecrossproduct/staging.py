"""One input to the service's storage: whole in one go, or in parts over several acts.

A file counts as brought over when the service lists it with our size and MD5, not sooner; so a file
that a killed daemon has sent is not sent again. The links to the parts of an upload are given once,
when it is begun, and are kept in memory alone: an upload of an earlier process is aborted.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import anyio
from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import (
    BackendError,
    Begun,
    ProtocolError,
    RejectedError,
    Staged,
    TransientError,
)
from orchestrator.backends.http import ExpiredError, Storage, Use, send
from orchestrator.backends.thecrossproduct import data
from orchestrator.backends.thecrossproduct.replies import Upload
from orchestrator.backends.thecrossproduct.session import Session

IN_ONE_GO = 32 << 20  # bytes; larger files go in parts
AT_ONCE = 4  # parts on their way side by side
ACT = 120.0  # seconds after which an act that sends parts ends, so that a cancel is noticed
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Print:
    """What identifies the bytes of a file."""

    size: int
    mtime_ns: int
    sha256: str
    md5: str


@dataclass(slots=True)
class _Sending:
    """An upload in parts that this process has begun: its links, and the ETags it has so far."""

    print: Print
    reply: Upload
    etags: dict[int, str] = field(default_factory=dict)


class Stager:
    """Brings inputs over; remembers the uploads of this process."""

    def __init__(self, session: Session, storage: Storage) -> None:
        self._session = session
        self._storage = storage
        self._sending: dict[str, _Sending] = {}

    async def stage(self, memo: Mapping[str, JsonValue], uri: str, source: Path) -> Staged | Begun:
        """Take the next act that brings `source` to `uri`."""
        sending = self._sending.get(uri)
        found = await run_sync(_stat, source)
        if sending is None or found != (sending.print.size, sending.print.mtime_ns):
            print_ = await run_sync(read_print, source)
            self._sending.pop(uri, None)
        else:
            print_ = sending.print
        if await self._is_there(uri, print_):
            self._sending.pop(uri, None)
            return Staged(print_.size, print_.sha256, memo={})
        if uri in self._sending:
            return await self._go_on(memo, uri, source, self._sending[uri])
        await self.abort(memo)
        if print_.size > IN_ONE_GO:
            return await self._begin(uri, print_)
        link = await data.begin_upload(self._session, uri)
        await self._send(uri, link, source, 0, print_.size)
        await self._unchanged(uri, source, print_)
        await data.end_upload(self._session, uri, print_.md5)
        return await self._arrived(uri, print_)

    async def abort(self, memo: Mapping[str, JsonValue]) -> None:
        """Give up the upload that a memo tells of, if it does."""
        match memo.get("upload"):
            case {"uri": str(uri), "id": str(id_)}:
                self._sending.pop(uri, None)
                await data.abort_parts(self._session, uri, id_)

    async def _begin(self, uri: str, print_: Print) -> Begun:
        """Begin an upload in parts; nothing is sent before its id is kept."""
        reply = await data.begin_parts(self._session, uri, print_.size)
        count = len(range(0, print_.size, reply.part_size))
        if count != len(reply.parts):
            await data.abort_parts(self._session, uri, reply.upload_id)
            raise ProtocolError(
                f"the service wants {len(reply.parts)} parts of {reply.part_size} bytes"
                f" for {print_.size} bytes",
                effect="none",
            )
        self._sending[uri] = _Sending(print_, reply)
        return Begun({"upload": {"uri": uri, "id": reply.upload_id}})

    async def _go_on(
        self, memo: Mapping[str, JsonValue], uri: str, source: Path, sending: _Sending
    ) -> Staged | Begun:
        """Send parts until all are there, or the act has lasted long enough."""
        reply, print_ = sending.reply, sending.print
        offsets = range(0, print_.size, reply.part_size)
        await self._send_parts(uri, source, sending, offsets)
        if len(sending.etags) < len(offsets):
            return Begun(memo)
        await self._unchanged(uri, source, print_)
        etags = [sending.etags[n] for n in range(len(offsets))]
        with self._beginning_anew(uri):
            await data.end_parts(self._session, uri, reply.upload_id, etags, print_.md5)
        self._sending.pop(uri, None)
        return await self._arrived(uri, print_)

    async def _send_parts(self, uri: str, source: Path, sending: _Sending, offsets: range) -> None:
        """Send the parts that are missing, side by side; leave some when the act gets long."""
        until = monotonic() + ACT
        room = anyio.CapacityLimiter(AT_ONCE)
        failed: list[BackendError] = []

        async def one(n: int, offset: int) -> None:
            async with room:
                if monotonic() >= until:
                    return
                length = min(sending.reply.part_size, sending.print.size - offset)
                try:
                    link = sending.reply.parts[n]
                    sending.etags[n] = await self._send(uri, link, source, offset, length)
                except BackendError as error:
                    failed.append(error)
                    group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            for n, offset in enumerate(offsets):
                if n not in sending.etags:
                    group.start_soon(one, n, offset)
        if failed:
            raise failed[0]

    async def _send(self, uri: str, link: str, source: Path, start: int, length: int) -> str:
        with self._beginning_anew(uri):
            return await send(link, source, start, length, self._storage)

    @contextmanager
    def _beginning_anew(self, uri: str) -> Iterator[None]:
        """Forget an upload that cannot be gone on with: dead links, a file that became shorter.

        Its links were given together, and only once.
        """
        try:
            yield
        except (ExpiredError, RejectedError) as error:
            self._sending.pop(uri, None)
            raise TransientError(f"{error}; the upload begins anew", effect="none") from None

    async def _unchanged(self, uri: str, source: Path, print_: Print) -> None:
        """Let a file be complete over there only if it is still what was hashed."""
        if await run_sync(_stat, source) != (print_.size, print_.mtime_ns):
            self._sending.pop(uri, None)
            raise TransientError(
                f"{source.name!r} changed while it was sent; the upload begins anew", effect="none"
            )

    async def _is_there(self, uri: str, print_: Print) -> bool:
        held = await data.files(self._session, uri, Use.TRANSFER)
        return any(
            (file.path, file.size, file.md5sum) == (uri, print_.size, print_.md5) for file in held
        )

    async def _arrived(self, uri: str, print_: Print) -> Staged:
        if not await self._is_there(uri, print_):
            raise TransientError(f"the service does not show {uri} as it was sent yet")
        return Staged(print_.size, print_.sha256, memo={})


def read_print(path: Path) -> Print:
    """Hash a file. Raises OSError."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        status = os.fstat(file.fileno())
        block = bytearray(BLOCK)
        while count := file.readinto(block):
            sha256.update(memoryview(block)[:count])
            md5.update(memoryview(block)[:count])
    return Print(status.st_size, status.st_mtime_ns, sha256.hexdigest(), md5.hexdigest())


def _stat(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
