"""Dropping things ourselves: whole, on the disk, and under an id that is known beforehand.

Each drop is made under a hidden name in the spool, synced, and renamed. Only then is its id given
back: from then on it is not lost. These functions may be used by any process at any time.
"""

import json
import os
import shutil
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.spool.claims import new_id
from orchestrator.spool.disk import FOLDER, create, opened, sync
from orchestrator.spool.libc import rename_new
from orchestrator.spool.names import REQUEST_SUFFIX, SPEC_NAMES, produced_name


class DropError(Exception):
    """Something cannot be dropped; the text says what and what to do."""


def drop_file(home: Home, data: bytes, stem: str, extension: str) -> str:
    """Drop one job file; returns its id. `extension` is ".toml", ".yaml", ".yml" or ".json".

    Raises OSError when the spool cannot be written; nothing is left there then.
    """
    return _drop_bytes(home, new_id(), data, stem, extension)


def drop_request(
    home: Home, verb: Verb, job: str, *, confirmed: bool = False, remote_id: str | None = None
) -> str:
    """Drop a request; returns its id. Raises OSError like `drop_file`."""
    ident = new_id()
    request = {"id": ident, "request": verb, "job": job, "confirmed": confirmed}
    if remote_id is not None:
        request["remote_id"] = remote_id
    return _drop_bytes(home, ident, json.dumps(request).encode(), verb, REQUEST_SUFFIX)


def drop_folder(
    home: Home, data: bytes, stem: str, extension: str, files: Iterable[tuple[str, Path]]
) -> str:
    """Drop a folder made of a job file and copies of other files; returns its id.

    `files` are pairs of the path in the folder and the file to copy; links to files are followed.
    Raises DropError for what cannot be copied, and OSError when the spool cannot be written;
    nothing is left there then.
    """
    ident = new_id()
    hidden = home.spool / f".{ident}.tmp"
    hidden.mkdir()
    try:
        create(hidden / f"job{extension}", data)
        for name, source in files:
            _copy(source, hidden, name)
        _sync_folders(hidden)
        _show(home, hidden, produced_name(stem, ident, ""))
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise
    return ident


def drop_copy(home: Home, source: Path) -> str:
    """Drop a copy of a folder and its job file; returns its id. Raises like `drop_folder`."""
    specs = [name for name in SPEC_NAMES if (source / name).is_file()]
    if len(specs) != 1:
        found = " and ".join(specs) or "none"
        raise DropError(
            f"{source}: must hold one of {', '.join(SPEC_NAMES)}; it holds {found} of them"
        )
    spec = source / specs[0]
    others = ((str(path.relative_to(source)), path) for path in _files(source) if path != spec)
    return drop_folder(home, spec.read_bytes(), source.resolve().name, spec.suffix, others)


def _drop_bytes(home: Home, ident: str, data: bytes, stem: str, suffix: str) -> str:
    hidden = home.spool / f".{ident}.tmp"
    try:
        create(hidden, data)
        _show(home, hidden, produced_name(stem, ident, suffix))
    except BaseException:
        with suppress(FileNotFoundError):
            hidden.unlink()
        raise
    return ident


def _show(home: Home, hidden: Path, name: str) -> None:
    """Give a whole drop the name that the daemon looks for, on the disk.

    Where only the sync fails, the drop is hidden again: what is told to have failed must not run.
    A daemon that has it by then has synced it itself.
    """
    with opened(home.spool, FOLDER) as fd:
        source, target = os.fsencode(hidden.name), os.fsencode(name)
        rename_new(fd, source, fd, target)
        try:
            os.fsync(fd)
        except OSError:
            with suppress(FileNotFoundError):
                rename_new(fd, target, fd, source)
                raise


def _files(folder: Path) -> list[Path]:
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_symlink() and path.is_dir():
            raise DropError(f"{path}: is a link to a folder; copy that folder here instead")
        found += _files(path) if path.is_dir() else [path]
    return found


def _copy(source: Path, folder: Path, name: str) -> None:
    target = folder / name
    if ".." in target.parts or not target.is_relative_to(folder):
        raise DropError(f"{name}: must be a path below the folder that is dropped")
    try:
        status = source.stat()
    except OSError as error:
        raise DropError(f"{source}: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise DropError(f"{source}: is not a regular file")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with source.open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fchmod(writer.fileno(), 0o600 | (status.st_mode & 0o100))
            os.fsync(writer.fileno())
    except (PermissionError, FileExistsError) as error:
        raise DropError(f"{error.filename}: {error.strerror}") from None


def _sync_folders(top: Path) -> None:
    for path in sorted(top.rglob("*"), reverse=True):
        if path.is_dir():
            sync(path)
    sync(top)
