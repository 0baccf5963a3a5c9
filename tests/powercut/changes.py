"""Changes of a file system: inodes, names in folders, bytes, permissions, and syncs."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["folder", "file", "link", "socket"]


@dataclass(eq=False, slots=True)
class Inode:
    """A file, a folder, a symbolic link or a socket; `mtime` in nanoseconds where it is known."""

    kind: Kind
    mode: int
    target: str = ""
    mtime: int | None = None


Entry = tuple[Inode, str]  # a name in a folder


@dataclass(frozen=True, eq=False, slots=True)
class Change:
    """Something that was asked of the disk between two moments."""

    begin: int
    end: int


@dataclass(frozen=True, eq=False, slots=True)
class Names(Change):
    """Names that change together: made, removed (None), or moved."""

    entries: dict[Entry, Inode | None]


@dataclass(frozen=True, eq=False, slots=True)
class Bytes(Change):
    """Bytes written to a file."""

    inode: Inode
    offset: int
    data: bytes


@dataclass(frozen=True, eq=False, slots=True)
class Size(Change):
    """A file cut or extended."""

    inode: Inode
    size: int


@dataclass(frozen=True, eq=False, slots=True)
class Mode(Change):
    """Permissions that were set."""

    inode: Inode
    mode: int


@dataclass(frozen=True, eq=False, slots=True)
class Sync(Change):
    """A file or folder that was synced; None: everything was."""

    inode: Inode | None


def apply(data: bytearray, change: Bytes | Size) -> None:
    """Do to the bytes of a file what a change did."""
    if isinstance(change, Size):
        resize(data, change.size)
        return
    end = change.offset + len(change.data)
    if len(data) < end:
        resize(data, end)
    data[change.offset : end] = change.data


def resize(data: bytearray, size: int) -> None:
    """Cut, or extend with zeros."""
    del data[size:]
    data.extend(bytes(size - len(data)))
