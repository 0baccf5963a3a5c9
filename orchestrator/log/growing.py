"""A text file that grows by whole lines and rotates by size under a plain `tail -f`."""

import filecmp
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

QUIET = 1.0  # seconds without a line before the file is emptied, so that readers have caught up
_TAIL = 64 << 10
_CHUNK = 1 << 20


class GrowingFile:
    """An open log file.

    Rotation copies the file to `NAME.1` and then empties it: `tail -f` goes on with the same file
    (it says "file truncated"). A reader loses lines that it has not read when the file is
    emptied, so that happens only before a line that follows a quiet second, or at twice the size.

    A kill loses nothing that was written; a power cut loses what was not synced since, and a full
    file is synced before it is emptied. Writing never raises.
    """

    def __init__(self, path: Path, *, size: int, keep: int, now: Callable[[], float]) -> None:
        """Open the file; `size` in bytes, `keep` rotated ones; `now` is a monotonic clock."""
        self.path = path
        self._size, self._keep, self._now = size, keep, now
        self._try_at = size
        self._fd = self._open()
        self._written_at = now()
        with suppress(OSError):
            self._finish_rotation()
            self._cut_torn_line()

    def write(self, lines: bytes) -> bool:
        """Append whole lines; False when that failed, and then nothing of them is in the file."""
        try:
            if os.fstat(self._fd).st_nlink == 0:  # somebody removed it: begin a new one
                os.close(self._fd)
                self._fd = self._open()
            end = os.fstat(self._fd).st_size
            if self._is_due(end):
                end = self._rotate(end)
        except OSError:
            return False
        try:
            written = os.write(self._fd, lines)
        except OSError:
            written = 0
        if written == len(lines):
            self._written_at = self._now()
            return True
        if written > 0:  # the disk is full: half a line is worse than none
            with suppress(OSError):
                os.ftruncate(self._fd, end)
        return False

    def sync(self) -> bool:
        """Bring what was written to the disk; False when that failed."""
        try:
            os.fsync(self._fd)
            self._sync_names()
        except OSError:
            return False
        return True

    def cut_hole(self) -> None:
        """Remove the first line that a power cut left as zeros, and all after it."""
        hole, end = 0, os.fstat(self._fd).st_size
        while hole < end:
            chunk = os.pread(self._fd, _CHUNK, hole)
            if (at := chunk.find(0)) >= 0:
                os.ftruncate(self._fd, hole + at)
                self._cut_torn_line()
                return
            hole += len(chunk)

    def last_line(self) -> bytes:
        """Return the last line, without its end; empty when there is none within 64 KiB."""
        end = os.fstat(self._fd).st_size
        tail = os.pread(self._fd, _TAIL, max(0, end - _TAIL))
        lines = tail.splitlines()
        if not lines:
            with suppress(FileNotFoundError), self._rotated(1).open("rb") as before:
                before.seek(max(0, before.seek(0, os.SEEK_END) - _TAIL))
                lines = before.read().splitlines()
        return lines[-1] if lines else b""

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def _open(self) -> int:
        return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def _is_due(self, end: int) -> bool:
        quiet = self._now() - self._written_at >= QUIET
        return end >= self._try_at and (quiet or end >= 2 * self._size)

    def _rotate(self, end: int) -> int:
        """Copy, shift, empty; return where the file ends then. A kill in between loses nothing."""
        new = self.path.with_name(f"{self.path.name}.new")
        try:
            shutil.copy(self.path, new)
            with new.open("rb") as copy:
                os.fsync(copy.fileno())
        except OSError:  # no room for a copy: go on in the long file, try again later
            new.unlink(missing_ok=True)
            self._try_at = end + self._size // 8
            return end
        for number in range(self._keep - 1, 0, -1):
            with suppress(FileNotFoundError):
                self._rotated(number).replace(self._rotated(number + 1))
        new.replace(self._rotated(1))
        self._sync_names()
        os.ftruncate(self._fd, 0)
        self._try_at = self._size
        return 0

    def _finish_rotation(self) -> None:
        """Empty the file if a kill came after it was copied and before it was emptied."""
        self.path.with_name(f"{self.path.name}.new").unlink(missing_ok=True)
        copy = self._rotated(1)
        if copy.exists() and filecmp.cmp(self.path, copy, shallow=False):
            os.ftruncate(self._fd, 0)

    def _cut_torn_line(self) -> None:
        """Remove a last line without an end: a kill came in the middle of it."""
        cut = os.fstat(self._fd).st_size
        while cut > 0:
            start = max(0, cut - _TAIL)
            line_end = os.pread(self._fd, cut - start, start).rfind(b"\n")
            cut = start + line_end + 1
            if line_end >= 0:
                break
        os.ftruncate(self._fd, cut)

    def _sync_names(self) -> None:
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _rotated(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")
