"""The three system calls that the standard library does not offer."""

import ctypes
import os

_libc = ctypes.CDLL(None, use_errno=True)

_NOREPLACE = 1
_STATFS_BYTES = 256  # larger than any architecture's struct; only its first word is read
_INIT_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


def _checked(result: int, path: bytes) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path)
    return result


def rename_new(source_fd: int, source: bytes, target_fd: int, target: bytes) -> None:
    """Rename relative to two open folders; raise FileExistsError rather than replace anything.

    The plain call would replace a file, and an empty folder too, without a word.
    """
    _checked(_libc.renameat2(source_fd, source, target_fd, target, _NOREPLACE), source)


def file_system_magic(path: bytes) -> int:
    """Return the number by which the kernel names the kind of file system that holds a path."""
    buffer = ctypes.create_string_buffer(_STATFS_BYTES)
    _checked(_libc.statfs(path, buffer), path)
    return ctypes.c_ulong.from_buffer(buffer).value & 0xFFFF_FFFF


def inotify_open(folder: bytes, mask: int) -> int:
    """Return a non-blocking descriptor that tells of changes in one folder."""
    fd = _checked(_libc.inotify_init1(_INIT_FLAGS), folder)
    try:
        _checked(_libc.inotify_add_watch(fd, folder, ctypes.c_uint32(mask)), folder)
    except OSError:
        os.close(fd)
        raise
    return fd
