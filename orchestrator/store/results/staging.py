"""Outputs on their way in: `state/staging/<run key>/`, laid out as the result will be."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.names import is_safe
from orchestrator.store.results import disk
from orchestrator.store.results.errors import DiskFullError, MismatchError, StoppedError
from orchestrator.store.results.hashing import hashing

LOOK_EVERY = 64 << 20  # bytes between two looks at the free space: others write to the disk too
FILE_MODE = 0o444


@dataclass(frozen=True, slots=True)
class Fetched:
    """One output in staging, whole and synced: its local name, bytes, and SHA-256 in hex."""

    name: str
    size: int
    sha256: str


def begin(home: Home, key: str) -> Path:
    """Return the staging folder of a run, made if it is not there.

    Files of earlier tries stay in it. After a new listing of outputs, `discard` it first: what
    was a file may have become a folder. Raises as `fetch` does for the disk.
    """
    staging = home.staging / key
    with disk.our_disk(f"the staging folder {key}"):
        staging.mkdir(mode=0o700, exist_ok=True)
    return staging


def discard(home: Home, key: str) -> None:
    """Remove what is left of a run in staging, if anything. Raises as `fetch` does for the disk."""
    with disk.our_disk(f"the staging folder {key}"), disk.folder(home.staging) as top:
        disk.remove_tree(key, within=top)


def leftovers(home: Home) -> list[str]:
    """Return the keys of the runs that have a staging folder; for `fsck`."""
    return sorted(path.name for path in home.staging.iterdir())


def fetch(
    staging: Path,
    name: str,
    chunks: Iterable[bytes],
    *,
    size: int | None,
    sha256: str | None,
    stop: Callable[[], bool],
    keep_free: int,
) -> Fetched:
    """Write one output to its local name, hashed on the way, checked and synced.

    `size` (bytes) and `sha256` (hex) are what the backend announced, None where it said nothing.
    `stop` is asked between chunks. `keep_free` bytes stay free on the disk. Whatever stands under
    the name is a leftover of a killed try and is replaced.

    Raises MismatchError, StoppedError, DiskFullError, each time without leaving anything under
    the name; FatalStorageError when the disk fails; and what `chunks` raises.
    """
    if not is_safe(name):
        raise ValueError(f"{name!r} is not a safe local name: take it from core.names.local_names")
    with _new_file(staging, name) as fd, hashing() as digest:
        received = 0
        for chunk in _in_bounds(chunks, size=size, name=name, fd=fd, keep_free=keep_free):
            if stop():
                raise StoppedError(f"stopped while {name} was being fetched")
            digest.update(chunk)
            with disk.our_disk(name):
                disk.write_all(fd, chunk)
            received += len(chunk)
        fetched = Fetched(name, received, digest.hexdigest())
        _check(fetched, size=size, sha256=sha256)
        with disk.our_disk(name):
            os.fchmod(fd, FILE_MODE)
            disk.sync(fd, name)
    return fetched


@contextmanager
def _new_file(staging: Path, name: str) -> Iterator[int]:
    """Create a file below `staging` for writing; remove it when the body does not succeed."""
    parent, _, last = name.rpartition("/")
    with ExitStack() as opened:
        with disk.our_disk(name):
            top = opened.enter_context(disk.folder(staging))
            within = opened.enter_context(disk.subfolder(top, parent, make=True))
            fd = disk.create(last, within=within)
        opened.callback(os.close, fd)
        try:
            yield fd
        except BaseException:
            with suppress(OSError):
                disk.remove(last, within=within)
            raise


def _in_bounds(
    chunks: Iterable[bytes], *, size: int | None, name: str, fd: int, keep_free: int
) -> Iterator[bytes]:
    """Pass the chunks on while they keep to the announced size and the disk has room."""
    received = looked = 0
    for chunk in chunks:
        received += len(chunk)
        if size is not None and received > size:
            raise MismatchError(f"{name}: more than the announced {size} bytes came")
        if received >= looked:
            to_come = len(chunk) + (0 if size is None else size - received)
            _check_room(fd, name, needed=to_come, keep_free=keep_free)
            looked = received + LOOK_EVERY
        yield chunk


def _check_room(fd: int, name: str, *, needed: int, keep_free: int) -> None:
    with disk.our_disk(name):
        now = os.fstatvfs(fd)
    free = now.f_bavail * now.f_frsize
    if free - needed < keep_free:
        raise DiskFullError(
            f"no room on the disk for {name}: it needs {needed} bytes, {free} are free"
            f" and {keep_free} of them are to stay free"
        )


def _check(fetched: Fetched, *, size: int | None, sha256: str | None) -> None:
    if size is not None and fetched.size != size:
        raise MismatchError(f"{fetched.name}: {fetched.size} of {size} announced bytes came")
    if sha256 is not None and fetched.sha256 != sha256.lower():
        raise MismatchError(
            f"{fetched.name}: its SHA-256 is {fetched.sha256}, announced was {sha256.lower()}"
        )
