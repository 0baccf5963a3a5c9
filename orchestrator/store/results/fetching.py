"""Bring one output into staging: hashed on the way, checked, synced; gone on with after a break."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from orchestrator.core.names import is_safe
from orchestrator.store.results import disk, parts
from orchestrator.store.results.errors import DiskFullError, MismatchError, StoppedError
from orchestrator.store.results.hashing import Hashes, hashing

LOOK_EVERY = 64 << 20  # bytes between two looks at the free space: others write to the disk too
BLOCK = 1 << 20
FILE_MODE = 0o444

HeldAgainst = Literal["checksum", "size", "nothing"]

OpenAt = Callable[[int], AbstractContextManager[tuple[int, Iterable[bytes], str | None]]]
"""Opens the output for reading from an offset on; tells where it begins, which may be 0 instead,
its bytes, and the MD5 of the whole where that is told only now."""


@dataclass(frozen=True, slots=True)
class Announced:
    """What the backend said of an output, None where it said nothing: bytes, and hashes in hex.

    `md5_to_come`: it may tell the MD5 when the output is opened.
    """

    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    md5_to_come: bool = False


@dataclass(frozen=True, slots=True)
class Fetched:
    """One output in staging, whole and synced: its local name, bytes, and SHA-256 in hex.

    `verified` is what it was held against.
    """

    name: str
    size: int
    sha256: str
    verified: HeldAgainst


def verified_by(announced: Announced) -> HeldAgainst:
    """Return what an output is held against when its backend announced this much."""
    if announced.sha256 is not None or announced.md5 is not None:
        return "checksum"
    return "nothing" if announced.size is None else "size"


def fetch(
    staging: Path,
    name: str,
    open_at: OpenAt,
    announced: Announced,
    *,
    stop: Callable[[], bool],
    keep_free: int,
) -> Fetched:
    """Write one output to its local name, hashed on the way, checked and synced.

    What an earlier try of this boot has written is read again and gone on with. `stop` is asked
    between chunks. `keep_free` bytes stay free on the disk. Whatever stands under the name is a
    leftover of a killed try and is replaced; nothing stands there when this fails.

    Raises MismatchError and DiskFullError, after which the next try begins anew; StoppedError;
    FatalStorageError when the disk fails; and what reading the output raises.
    """
    if not is_safe(name):
        raise ValueError(f"{name!r} is not a safe local name: take it from core.names.local_names")
    try:
        fetched = _fetch(staging, name, open_at, announced, stop, keep_free)
        with disk.our_disk(name):
            parts.complete(staging, name)
    except (MismatchError, DiskFullError):
        with suppress(OSError):
            parts.remove(staging, name)
        raise
    return fetched


def _fetch(  # noqa: PLR0917 - the arguments of fetch
    staging: Path,
    name: str,
    open_at: OpenAt,
    announced: Announced,
    stop: Callable[[], bool],
    keep_free: int,
) -> Fetched:
    with disk.our_disk(name):
        fd = parts.open_part(staging, name)
    try:
        with hashing(md5=announced.md5_to_come or announced.md5 is not None) as hashes:
            taken = _Taken(fd, name, announced, hashes)
            taken.read_back()
            with open_at(taken.size) as (start, chunks, md5):
                taken.announced = replace(announced, md5=announced.md5 or md5)
                if start != taken.size:
                    taken.begin_anew(start)
                for chunk in _in_bounds(chunks, taken, keep_free):
                    if stop():
                        raise StoppedError(f"stopped while {name} was being fetched")
                    taken.add(chunk)
            fetched = taken.checked()
        with disk.our_disk(name):
            os.fchmod(fd, FILE_MODE)
            disk.sync(fd, name)
    finally:
        os.close(fd)
    return fetched


class _Taken:
    """What has come of an output so far: a file, and the hashes of what stands in it."""

    def __init__(self, fd: int, name: str, announced: Announced, hashes: Hashes) -> None:
        self.fd, self.name, self.announced = fd, name, announced
        self._hashes, self.size = hashes, 0

    def read_back(self) -> None:
        """Hash what an earlier try left; a part that is longer than the output is thrown away."""
        with disk.our_disk(self.name):
            most = self.announced.size
            if most is not None and os.fstat(self.fd).st_size > most:
                os.ftruncate(self.fd, 0)
            while block := os.read(self.fd, BLOCK):
                self._count(block)

    def begin_anew(self, start: int) -> None:
        """Throw the part away: the output begins at 0 again, and nowhere else."""
        if start != 0:
            raise MismatchError(f"{self.name}: reading began at {start}, not at {self.size} or 0")
        with disk.our_disk(self.name):
            os.ftruncate(self.fd, 0)
            os.lseek(self.fd, 0, os.SEEK_SET)
        self._hashes.begin_anew()
        self.size = 0

    def add(self, chunk: bytes) -> None:
        """Hash and write the next bytes."""
        self._count(chunk)
        with disk.our_disk(self.name):
            disk.write_all(self.fd, chunk)

    def _count(self, data: bytes) -> None:
        self._hashes.update(data)
        self.size += len(data)

    def checked(self) -> Fetched:
        """Return the whole output; raise MismatchError when it is not what was announced."""
        said, name = self.announced, self.name
        if said.size is not None and self.size != said.size:
            raise MismatchError(f"{name}: {self.size} of {said.size} announced bytes came")
        sha256, md5 = self._hashes.hexdigests()
        for what, found, wanted in (("SHA-256", sha256, said.sha256), ("MD5", md5, said.md5)):
            if wanted is not None and found != wanted.lower():
                raise MismatchError(f"{name}: its {what} is {found}, announced was {wanted}")
        return Fetched(name, self.size, sha256, verified_by(said))


def _in_bounds(chunks: Iterable[bytes], taken: _Taken, keep_free: int) -> Iterator[bytes]:
    """Pass the chunks on while they keep to the announced size and the disk has room."""
    size, looked = taken.announced.size, 0
    for chunk in chunks:
        received = taken.size + len(chunk)
        if size is not None and received > size:
            raise MismatchError(f"{taken.name}: more than the announced {size} bytes came")
        if received >= looked:
            to_come = len(chunk) + (0 if size is None else size - received)
            with disk.our_disk(taken.name):
                disk.check_room(taken.fd, taken.name, to_come, keep_free)
            looked = received + LOOK_EVERY
        yield chunk
