"""Unpack archives among the outputs, in staging: beside the archive, hashed, synced, described.

An archive that cannot be unpacked, or not wholly, stays what it was: an output. Why is told.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, Self

from orchestrator.archives import Contents, File, RefusedError, files, limits_for, shown, survey
from orchestrator.store.results import disk
from orchestrator.store.results.errors import DiskFullError, MissingError, StoppedError
from orchestrator.store.results.fetching import FILE_MODE, LOOK_EVERY
from orchestrator.store.results.manifest import Item

READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
CLUSTER = 4096  # bytes: what even a small file takes
_NEVER = frozenset({errno.ENAMETOOLONG, errno.EILSEQ, errno.EFBIG})
FILES_AT_ONCE = 64  # are synced together,
BYTES_AT_ONCE = 64 << 20  # or so many bytes


@dataclass(frozen=True, slots=True)
class Unpack:
    """What to unpack: local name of an archive → folder for its files, which nothing else has.

    `stop` is asked between chunks. `keep_free` bytes stay free on the disk.
    """

    folders: Mapping[str, str]
    stop: Callable[[], bool]
    keep_free: int


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The files that were unpacked; and of each archive that was not, or not wholly, why."""

    items: Sequence[Item]
    notes: Sequence[str]


NOTHING = Unpacked((), ())


def unpack(top: int, wanted: Unpack, outputs: Sequence[Item]) -> Unpacked:
    """Unpack archives that lie in a staging folder; what an earlier try left of it goes first.

    Raises MissingError when an archive is not there whole, DiskFullError when there is no room for
    what is in it (which leaves nothing of it), StoppedError, FatalStorageError.
    """
    items: list[Item] = []
    notes: list[str] = []
    for output in sorted(outputs, key=lambda output: output.name):
        if folder := wanted.folders.get(output.name):
            with disk.our_disk(output.name), _opened(top, output) as archive:
                done = _unpack(top, folder, archive, output.name, wanted)
            items += done.items
            notes += done.notes
    return Unpacked(items, notes)


@contextmanager
def _opened(top: int, output: Item) -> Iterator[BinaryIO]:
    parent, _, name = output.name.rpartition("/")
    try:
        with disk.subfolder(top, parent) as within:
            fd = os.open(name, READ, dir_fd=within)
    except FileNotFoundError:
        raise MissingError([output.name]) from None
    with os.fdopen(fd, "rb") as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode) or status.st_size != output.size:
            raise MissingError([output.name])
        yield file


def _unpack(top: int, folder: str, archive: BinaryIO, name: str, wanted: Unpack) -> Unpacked:
    """Unpack one archive into its folder, or say why not."""

    def go_on() -> None:
        if wanted.stop():
            raise StoppedError(f"stopped while {name} was being unpacked")

    try:
        _remove(top, folder)
        limits = limits_for(os.fstat(archive.fileno()).st_size, _disk(archive) - wanted.keep_free)
        contents = survey(archive, limits, go_on)
        needed = contents.size + contents.files * CLUSTER
        disk.check_room(archive.fileno(), f"what is in {name}", needed, wanted.keep_free)
        items = []
        with disk.subfolder(top, folder, make=True) as into, _Written() as written:
            for file in files(archive, limits, go_on):
                with _told_by_disk(file.name):
                    fd, item = _write(into, file, folder, name, wanted.keep_free)
                written.add(fd, item)
                items.append(item)
    except RefusedError as error:
        _remove(top, folder)
        return Unpacked([], [f"{name} was not unpacked: {error}"])
    except (DiskFullError, OSError):
        with suppress(OSError):
            _remove(top, folder)
        raise
    return Unpacked(items, _left_out(name, contents))


@contextmanager
def _told_by_disk(name: str) -> Iterator[None]:
    """Refuse an archive with a file that this disk cannot have, however often one tries."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NEVER:
            raise
        why = f"its entry {shown(name)} cannot be kept here: {error.strerror}"
        raise RefusedError(why) from None


def _disk(file: BinaryIO) -> int:
    """Return the bytes of the whole disk that a file lies on."""
    status = os.fstatvfs(file.fileno())
    return status.f_blocks * status.f_frsize


def _remove(top: int, folder: str) -> None:
    parent, _, name = folder.rpartition("/")
    with disk.subfolder(top, parent) as within:
        disk.remove_tree(name, within=within)


def _write(into: int, file: File, folder: str, archive: str, keep_free: int) -> tuple[int, Item]:
    """Write one file of an archive; return it open, and not synced yet."""
    parent, _, last = file.path.rpartition("/")
    with disk.subfolder(into, parent, make=True) as within:
        fd = os.open(last, disk.NEW_FILE, 0o600, dir_fd=within)
    try:
        size, looked, sha256 = 0, 0, hashlib.sha256()
        for chunk in file.chunks:
            if size >= looked:  # others write to the disk, too
                disk.check_room(fd, f"what is in {archive}", len(chunk), keep_free)
                looked = size + LOOK_EVERY
            sha256.update(chunk)
            disk.write_all(fd, chunk)
            size += len(chunk)
        os.fchmod(fd, FILE_MODE)
    except BaseException:
        os.close(fd)
        raise
    name = f"{folder}/{file.path}"
    return fd, Item(name, file.name, size, sha256.hexdigest(), "unpacked here", archive)


class _Written:
    """Files that are written, and synced many at a time: that takes half the time of one by one."""

    def __init__(self) -> None:
        self._open: list[tuple[int, Item]] = []

    def add(self, fd: int, item: Item) -> None:
        """Take an open file: it is synced before long, and closed."""
        self._open.append((fd, item))
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)  # its writing out begins
        if len(self._open) >= FILES_AT_ONCE or self._bytes() >= BYTES_AT_ONCE:
            self._sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if failed is None:
                self._sync()
        finally:
            self._close()

    def _bytes(self) -> int:
        return sum(item.size for _, item in self._open)

    def _sync(self) -> None:
        for fd, item in self._open:
            disk.sync(fd, item.name)
        self._close()

    def _close(self) -> None:
        for fd, _ in self._open:
            os.close(fd)
        self._open = []


def _left_out(name: str, contents: Contents) -> list[str]:
    """Return what is to be told of an archive that was unpacked."""
    if not contents.left_out:
        return []
    more = ", …" if contents.left_out > len(contents.samples) else ""
    left_out = ", ".join(contents.samples) + more
    return [f"{name} was unpacked without {contents.left_out} of its entries: {left_out}"]
