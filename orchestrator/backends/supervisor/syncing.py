"""Bringing what a run wrote to the disk, and the two system calls that Python does not have."""

import ctypes
import errno
import os
import stat

from orchestrator.backends.supervisor.files import FOLDER, WORK

MANY = 100  # from so many files on, one sync of the file system is cheaper than one for each

_libc = ctypes.CDLL(None, use_errno=True)


def sync_outputs(run: int) -> None:
    """Bring every output of a run to the disk, with the folders that name them.

    They must be there before the run's end is: otherwise a power cut leaves a run that ended well,
    with files that are empty. Raises OSError when the disk fails or is full.
    """
    try:
        one_by_one = _sync_each(run)
    except OSError as error:
        if error.errno not in {errno.EACCES, errno.EPERM, errno.ENAMETOOLONG}:
            raise
        one_by_one = False  # what cannot be opened now can be made readable later
    if not one_by_one:
        _check(_libc.syncfs(run))


def adopt_orphans() -> None:
    """Become the parent of whatever a descendant leaves behind; raise OSError if refused."""
    set_child_subreaper = 36  # PR_SET_CHILD_SUBREAPER
    _check(_libc.prctl(set_child_subreaper, 1, 0, 0, 0))


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _sync_each(run: int) -> bool:
    """Sync file by file; return False if there are many, with some of them not synced."""
    _sync_file("stdout", run)
    _sync_file("stderr", run)
    todo, seen = [WORK], 0
    while todo:
        path = todo.pop()
        folder = os.open(path, FOLDER, dir_fd=run)
        try:
            names = os.listdir(folder)
            seen += len(names)
            if seen > MANY:
                return False
            todo += [f"{path}/{name}" for name in names if _sync_file(name, folder)]
            if names:
                os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _sync_file(name: str, folder: int) -> bool:
    """Sync a file unless it is empty or not regular; return whether it is a folder."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISREG(found.st_mode) and found.st_size > 0:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(name, flags, dir_fd=folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return stat.S_ISDIR(found.st_mode)
