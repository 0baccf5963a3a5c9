"""One daemon for one home: a lock that ends with the process that holds it."""

import fcntl
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class HomeInUseError(Exception):
    """Another process holds the lock; the text names it for people.

    `passing` says that it is a command, which ends by itself, and no daemon.
    """

    def __init__(self, message: str, *, passing: bool) -> None:
        super().__init__(message)
        self.passing = passing


# The whole file, for writing. Open-file-description locks can be asked about without being taken,
# so that a look from the command line never keeps a daemon from starting.
_COMMAND = " command"  # behind the process id in the file
_WHOLE_FILE = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)


@contextmanager
def hold(path: Path, *, command: bool = False, wait: bool = False) -> Iterator[None]:
    """Hold the lock file for the life of the context. Raises HomeInUseError when it is taken.

    `command` tells others that the holder is one that ends by itself; with `wait` nothing is
    raised, however long it takes. The file is closed on exec, so that no program started by us can
    go on holding it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLKW if wait else fcntl.F_OFD_SETLK, _WHOLE_FILE)
        except BlockingIOError:
            raise _in_use(os.pread(fd, 32, 0).decode("ascii", "replace")) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}{_COMMAND if command else ''}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def _in_use(text: str) -> HomeInUseError:
    process, is_command, _ = text.strip().partition(_COMMAND)
    if is_command:
        return HomeInUseError(f"a command (process {process}) uses this home", passing=True)
    text = f"another daemon (process {process or 'unknown'}) already serves this home"
    return HomeInUseError(text, passing=False)


def holder(path: Path) -> int | None:
    """Return the process id of the daemon that serves the home now, None without one."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    try:
        kind, *_ = struct.unpack("hhqqi4x", fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _WHOLE_FILE))
        text = os.pread(fd, 32, 0).strip()
    finally:
        os.close(fd)
    return None if kind == fcntl.F_UNLCK or not text.isdigit() else int(text)
