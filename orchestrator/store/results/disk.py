"""The system calls of the result store, with their failures told apart."""

import ctypes
import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from orchestrator.store.results.errors import DiskFullError, FatalStorageError, ResultError

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
PART_FILE = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_RENAME_NOREPLACE = 1
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FAILING = frozenset({errno.EIO, errno.EROFS, errno.EUCLEAN})  # EROFS: remounted after an error
_libc = ctypes.CDLL(None, use_errno=True)


@contextmanager
def our_disk(what: str) -> Iterator[None]:
    """Tell the failures of our own disk apart, whatever call they come from.

    Raises DiskFullError when there is no room, FatalStorageError when the disk is failing, and
    ResultError for everything else (permissions, a folder somebody moved).
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"no room on the disk for {what}: {error.strerror}") from error
        if error.errno in _FAILING:
            raise FatalStorageError(f"the disk failed at {what}: {error.strerror}") from error
        raise ResultError(f"{what}: {error}") from error


@contextmanager
def folder(name: str | os.PathLike[str], *, within: int | None = None) -> Iterator[int]:
    """Open a folder, never through a symbolic link, and yield its descriptor."""
    fd = os.open(name, FOLDER, dir_fd=within)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def subfolder(top: int, path: str, *, make: bool = False) -> Iterator[int]:
    """Open the folder at a relative path below `top` step by step, making it where asked to."""
    fd = os.dup(top)
    try:
        for part in filter(None, path.split("/")):
            if make:
                make_folder(part, within=fd, mode=0o700)
            below = os.open(part, FOLDER, dir_fd=fd)
            os.close(fd)
            fd = below
        yield fd
    finally:
        os.close(fd)


def make_folder(name: str, *, within: int, mode: int = 0o755) -> None:
    """Make a folder unless it exists."""
    with suppress(FileExistsError):
        os.mkdir(name, mode, dir_fd=within)


def create(name: str, *, within: int) -> int:
    """Create a file for writing and return its descriptor; a leftover of that name goes first."""
    remove(name, within=within)
    return os.open(name, NEW_FILE, 0o600, dir_fd=within)


def remove(name: str, *, within: int) -> None:
    """Remove a file unless it is gone already."""
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=within)


def write_all(fd: int, data: bytes | memoryview) -> None:
    """Write everything, however often the kernel takes only a part."""
    left = memoryview(data)
    while left:
        left = left[os.write(fd, left) :]


def sync(fd: int, what: str) -> None:
    """Make a file or folder durable.

    Raises DiskFullError when the file system found no room only now (the caller throws the file
    away and writes it anew; the same pages are never synced twice), FatalStorageError for every
    other failure.
    """
    try:
        os.fsync(fd)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFullError(f"no room on the disk for {what}: {error.strerror}") from error
        raise FatalStorageError(f"{what} could not be synced: {error.strerror}") from error


def check_room(fd: int, what: str, needed: int, keep_free: int) -> None:
    """Raise DiskFullError when so many more bytes would leave less than `keep_free` on the disk."""
    now = os.fstatvfs(fd)
    free = now.f_bavail * now.f_frsize
    if free - needed < keep_free:
        raise DiskFullError(
            f"no room on the disk for {what}: it needs {needed} bytes, {free} are free"
            f" and {keep_free} of them are to stay free"
        )


def move(name: str, *, within: int, to: str, into: int) -> None:
    """Rename atomically; FileExistsError when anything stands there, even an empty folder."""
    done = _libc.renameat2(within, os.fsencode(name), into, os.fsencode(to), _RENAME_NOREPLACE)
    if done != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), name, None, to)


def remove_tree(name: str, *, within: int) -> None:
    """Remove a folder and all in it, read-only folders too; symbolic links are not followed."""
    with suppress(FileNotFoundError):
        for _, folders, files, fd in os.fwalk(name, topdown=False, dir_fd=within):
            os.fchmod(fd, 0o700)
            for file in files:
                os.unlink(file, dir_fd=fd)
            for below in folders:
                try:
                    os.rmdir(below, dir_fd=fd)
                except NotADirectoryError:  # a link to a folder
                    os.unlink(below, dir_fd=fd)
        os.rmdir(name, dir_fd=within)
