"""Open folders, and files and folders that are on the disk before anybody relies on them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.spool.libc import rename_new

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""How a file of somebody else is opened: never through a link, never waiting for a fifo."""
FOLDER = READ | os.O_DIRECTORY

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def is_full(error: OSError) -> bool:
    """Whether the error only says that there is no room: it may work later."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def opened(path: bytes | str | Path, flags: int, dir_fd: int | None = None) -> Iterator[int]:
    """Open for the length of a block; yields the descriptor."""
    fd = os.open(path, flags, dir_fd=dir_fd)
    try:
        yield fd
    finally:
        os.close(fd)


def sync(path: bytes | str | Path, dir_fd: int | None = None) -> None:
    """Write a file's bytes, or a folder's names, to the disk."""
    with opened(path, READ, dir_fd) as fd:
        os.fsync(fd)


def make_folder(path: Path, mode: int = 0o777) -> None:
    """Make a folder, and those above it, where they are missing; their names are on the disk.

    A file that is synced is lost all the same when the folder it lies in is not there any more.
    """
    if path.is_dir():
        return
    if not path.parent.exists():
        make_folder(path.parent)
    path.mkdir(mode, exist_ok=True)
    try:
        sync(path.parent)
    except PermissionError:  # a folder that we may write to and not read
        os.sync()


def create(path: bytes | str | Path, data: bytes, dir_fd: int | None = None) -> None:
    """Make a new file that is on the disk (its name is not, before its folder is synced)."""
    fd = os.open(path, _CREATE, 0o600, dir_fd=dir_fd)
    with os.fdopen(fd, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(fd)


def put(folder: Path, name: str, data: bytes) -> None:
    """Make or replace a file in one step: whole and on the disk, or as it was before."""
    temporary = folder / f".{name}.tmp"
    temporary.unlink(missing_ok=True)
    create(temporary, data)
    temporary.replace(folder / name)


def rename_into(source: Path, target: Path) -> None:
    """Rename and sync both folders; raise FileExistsError rather than replace anything."""
    with opened(source.parent, FOLDER) as source_fd, opened(target.parent, FOLDER) as target_fd:
        rename_new(source_fd, os.fsencode(source.name), target_fd, os.fsencode(target.name))
        os.fsync(target_fd)
        os.fsync(source_fd)
