"""A person's own files: opened to be read, or made whole or not at all; a folder to be filled."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

from orchestrator.cli.fault import Fault
from orchestrator.core.names import OUTPUTS
from orchestrator.log.escape import escape
from orchestrator.spool.libc import rename_new
from orchestrator.store.copying import PART


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


@contextmanager
def folder_to_fill(path: Path | None, name: str) -> Iterator[tuple[Path, int]]:
    """Open a folder that is new, or empty; without a path, a new one of this name, or numbered.

    What has not come whole into it goes at the end, and the folder too, if it was made here and
    nothing came. Raises Fault when it is not empty, or is being filled by another command.
    """
    path, made = _numbered(name) if path is None else (path, _made(path))
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            os.mkdir(OUTPUTS, 0o700, dir_fd=folder)  # of several commands one alone succeeds
        except FileExistsError:
            raise _not_empty(path) from None
        try:
            if os.listdir(folder) != [OUTPUTS]:  # noqa: PTH208 - an open folder has no Path
                raise _not_empty(path)
            yield path, folder
        finally:
            _tidy(folder)
    finally:
        os.close(folder)
        if made:
            with suppress(OSError):  # it is not empty, or somebody was faster
                path.rmdir()


def _numbered(name: str) -> tuple[Path, bool]:
    """Make a folder of this name, or of the first number after it that nothing has."""
    for number in count(1):
        path = Path(name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            path.mkdir(0o700)
            break
    return path, True


def _made(path: Path) -> bool:
    """Make a folder; return False when there is one."""
    try:
        path.mkdir(0o700)
    except FileExistsError:
        if not path.is_dir():
            raise Fault(f"{escape(str(path))}: is there already, and is no folder") from None
        return False
    return True


def _tidy(folder: int) -> None:
    """Remove what a killed process left unfinished, and the folder of outputs if there are none."""
    for name in os.listdir(folder):
        if name.startswith(PART):
            with suppress(OSError):
                os.unlink(name, dir_fd=folder)
    with suppress(OSError):
        os.rmdir(OUTPUTS, dir_fd=folder)


def _not_empty(path: Path) -> Fault:
    return Fault(f"{escape(str(path))}: is not empty; name a folder that is new or empty")


def _check_free(path: Path, *, replace: bool) -> None:
    """Say so before anything is fetched."""
    if path.is_dir():
        raise Fault(f"{escape(str(path))}: is a folder; name a file in it")
    if not replace and os.path.lexists(path):
        raise _taken(path)


def _taken(path: Path) -> Fault:
    return Fault(f"{escape(str(path))}: is there already; --force replaces it")
