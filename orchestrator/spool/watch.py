"""Being told that something happened in the spool: a hint, never more.

Hints may be lost and the queue of them may overflow; a scan from time to time repairs that.
"""

import errno
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio

from orchestrator.spool.libc import inotify_open

_CLOSE_WRITE, _MOVED_TO, _CREATE = 0x8, 0x80, 0x100
_DELETE_SELF, _MOVE_SELF, _UNMOUNT, _OVERFLOW, _IGNORED = 0x400, 0x800, 0x2000, 0x4000, 0x8000
_ONLYDIR = 0x0100_0000
_ASKED = _CLOSE_WRITE | _MOVED_TO | _CREATE | _DELETE_SELF | _MOVE_SELF | _ONLYDIR
_GONE = _DELETE_SELF | _MOVE_SELF | _UNMOUNT | _IGNORED

_HEAD = struct.Struct("iIII")
_BUFFER = 1 << 16


@dataclass(frozen=True, slots=True)
class Hints:
    """What was told since the last time.

    `renamed` are names that came by a rename and were not touched since, `written` those made or
    written in place. `overflow`: some hints were lost. `gone`: the folder itself was moved or
    deleted, and nothing more will be told.
    """

    renamed: frozenset[bytes]
    written: frozenset[bytes]
    overflow: bool
    gone: bool


# The kernel grants each user only so many watches, and other programs take many.
_NONE_TO_SPARE = {errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.ENOMEM}


class Watch:
    """An inotify watch on one folder; closed by leaving its `with` block.

    When the system has none to spare it stays deaf: scans from time to time must do.
    """

    def __init__(self, folder: Path) -> None:
        self._fd: int | None = None
        try:
            self._fd = inotify_open(os.fsencode(folder), _ASKED)
        except OSError as error:
            if error.errno not in _NONE_TO_SPARE:
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)

    async def changed(self) -> None:
        """Wait until there is something to read."""
        if self._fd is None:
            await anyio.sleep_forever()
        else:
            await anyio.wait_readable(self._fd)

    def read(self) -> Hints:
        """Return what was told, without waiting."""
        last: dict[bytes, int] = {}
        flags = 0
        for mask, name in self._events():
            flags |= mask
            if name:
                last[name] = mask
        renamed = frozenset(name for name, mask in last.items() if mask & _MOVED_TO)
        return Hints(
            renamed, frozenset(last) - renamed, bool(flags & _OVERFLOW), bool(flags & _GONE)
        )

    def _events(self) -> list[tuple[int, bytes]]:
        events: list[tuple[int, bytes]] = []
        if self._fd is None:
            return events
        while True:
            try:
                data = os.read(self._fd, _BUFFER)
            except BlockingIOError:
                return events
            position = 0
            while position < len(data):
                _, mask, _, length = _HEAD.unpack_from(data, position)
                start = position + _HEAD.size
                events.append((mask, data[start : start + length].rstrip(b"\0")))
                position = start + length
