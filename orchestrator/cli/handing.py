"""A person's own file for a verb of a service: opened to be read, or made whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from orchestrator.cli.fault import Fault
from orchestrator.log.escape import escape
from orchestrator.spool.libc import rename_new


@contextmanager
def file_to_read(path: Path) -> Iterator[int]:
    """Open a regular file. Raises Fault."""
    if not path.is_file():
        raise Fault(f"{escape(str(path))}: is no file that can be read")
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def file_to_fill(path: Path, *, replace: bool) -> Iterator[int]:
    """Open a new file, for its owner alone; it has its name when the context ends without error.

    Raises Fault where there is one already, unless it is to be replaced.
    """
    _check_free(path, replace=replace)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    part = f".{path.name}.{secrets.token_hex(4)}.part"
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        fd = os.open(part, flags, 0o600, dir_fd=folder)
        try:
            yield fd
            os.fsync(fd)
            if replace:
                os.replace(part, path.name, src_dir_fd=folder, dst_dir_fd=folder)
            else:
                rename_new(folder, part.encode(), folder, os.fsencode(path.name))
        except FileExistsError:
            raise _taken(path) from None
        finally:
            os.close(fd)
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)
    finally:
        os.close(folder)


def _check_free(path: Path, *, replace: bool) -> None:
    """Say so before anything is fetched."""
    if path.is_dir():
        raise Fault(f"{escape(str(path))}: is a folder; name a file in it")
    if not replace and os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> Fault:
    return Fault(f"{escape(str(path))}: is there already; --force replaces it")
