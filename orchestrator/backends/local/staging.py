"""Inputs: copied into the run's directory, hashed on the way, and remembered as inputs."""

import contextlib
import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from orchestrator.backend import RejectedError, Staged
from orchestrator.backends.local.folder import CHUNK, WRITE, local_trouble, made, opened
from orchestrator.backends.supervisor.files import WORK

INPUTS = "inputs"  # the names of what was staged, each followed by a NUL

_FICLONE = 0x40049409  # share the blocks of another file, where the file system can


def stage(runs: int, key: str, name: str, source: Path) -> Staged:
    """Copy one input into the run's directory; it is there whole and synced, or not at all.

    Raises RejectedError when there is no such file or its name cannot be, TransientError else.
    """
    above, _, base = f"{WORK}/{name}".rpartition("/")
    if not base or any(part in {"", ".", ".."} or "\0" in part for part in name.split("/")):
        raise RejectedError(f"{name!r} cannot be the name of an input", effect="none")
    with local_trouble(f"the input {name!r} cannot be copied"), contextlib.ExitStack() as stack:
        reader = stack.enter_context(_source(name, source))
        try:
            run = stack.enter_context(made(key, runs, synced=True))
            target = stack.enter_context(made(above, run, synced=True))
        except NotADirectoryError:
            raise RejectedError(
                f"the input {name!r} needs a folder where another input is", effect="none"
            ) from None
        # Two inputs may be under way at once: each has a temporary name of its own.
        temporary = f".input-{hashlib.sha256(name.encode()).hexdigest()[:16]}"
        try:
            staged = _copy(reader, temporary, run)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary, dir_fd=run)  # half a copy would keep a full disk full
            raise
        _remember(name, run)
        os.rename(temporary, base, src_dir_fd=run, dst_dir_fd=target)
        os.fsync(target)
        return staged


@contextlib.contextmanager
def _source(name: str, source: Path) -> Iterator[int]:
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError, IsADirectoryError) as error:
        raise RejectedError(
            f"the input {name!r} cannot be read from {str(source)!r}: {error.strerror}",
            effect="none",
        ) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RejectedError(
                f"the input {name!r}: {str(source)!r} is not a regular file", effect="none"
            )
        yield descriptor
    finally:
        os.close(descriptor)


def _copy(reader: int, name: str, folder: int) -> Staged:
    """Copy to a synced file that may be executed if the source may; hash what was copied."""
    found = os.fstat(reader)
    with open(os.open(name, WRITE | os.O_RDWR, 0o600, dir_fd=folder), "r+b", buffering=0) as copy:
        source = reader
        with contextlib.suppress(OSError):
            fcntl.ioctl(copy.fileno(), _FICLONE, reader)
            source = copy.fileno()
        size, digest = 0, hashlib.sha256()
        while chunk := os.pread(source, CHUNK, size):
            if source == reader:
                copy.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        os.fchmod(copy.fileno(), 0o700 if found.st_mode & stat.S_IXUSR else 0o600)
        os.utime(copy.fileno(), ns=(found.st_atime_ns, found.st_mtime_ns))  # `make` looks at it
        os.fsync(copy.fileno())
    return Staged(size=size, sha256=digest.hexdigest())


def _remember(name: str, run: int) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(INPUTS, flags, 0o600, dir_fd=run)
    try:
        os.write(descriptor, os.fsencode(name) + b"\0")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def inputs(run: int) -> frozenset[str]:
    """Return the names of what was staged."""
    try:
        with opened(INPUTS, run, os.O_RDONLY) as descriptor:
            names = os.pread(descriptor, os.fstat(descriptor).st_size, 0).split(b"\0")
    except FileNotFoundError:
        return frozenset()
    return frozenset(os.fsdecode(name) for name in names)
