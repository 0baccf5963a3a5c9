"""From system calls to changes of a file system: inodes, names in folders, bytes, and syncs."""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tests.powercut.reading import Call, TraceError, data, place

Kind = Literal["folder", "file", "link", "socket"]

TRACED = (
    "open", "openat", "openat2", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2",
    "ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile", "splice",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat",
    "symlink", "symlinkat", "link", "linkat", "bind", "mknod", "mknodat",
    "chmod", "fchmod", "fchmodat", "utimensat", "fsync", "fdatasync", "sync", "syncfs",
    "sync_file_range", "chdir", "fchdir",
)  # fmt: skip
"""All that changes files; one that is not understood below ends the reading with an error."""


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


@dataclass(slots=True)
class Tree:
    """The names as they are, below the folder `top`, and the bytes of the files."""

    top: str
    root: Inode = field(default_factory=lambda: Inode("folder", 0o700))
    names: dict[Inode, dict[str, Inode]] = field(default_factory=dict)
    data: dict[Inode, bytearray] = field(default_factory=dict)
    last: dict[str, Inode] = field(default_factory=dict)  # by path, also of what is gone

    def __post_init__(self) -> None:
        self.names[self.root] = {}

    def covers(self, path: str | None) -> bool:
        """Whether a path is one of ours."""
        return path is not None and (path == self.top or path.startswith(f"{self.top}/"))

    def entry(self, path: str) -> Entry:
        """Return folder and name for a path of ours."""
        above, _, name = path.rpartition("/")
        return self.at(above), name

    def at(self, path: str) -> Inode:
        """Return what is, or else what was last, at a path; raise TraceError for nothing."""
        inode = self.find(path) or self.last.get(path)
        if inode is None:
            raise TraceError(f"there never was a {path}")
        return inode

    def find(self, path: str) -> Inode | None:
        """Return what is at a path now."""
        inode: Inode | None = self.root
        for part in path[len(self.top) + 1 :].split("/") if path != self.top else ():
            inode = self.names.get(inode, {}).get(part) if inode is not None else None
        return inode

    def put(self, path: str, inode: Inode | None) -> None:
        """Let a path lead to an inode, or to nothing."""
        folder, name = self.entry(path)
        if inode is None:
            if self.names[folder].pop(name, None) is None:
                raise TraceError(f"{path} was removed, but it was never there")
            return
        self.names[folder][name] = self.last[path] = inode
        if inode.kind == "folder":
            self.names.setdefault(inode, {})
        else:
            self.data.setdefault(inode, bytearray())


def changes(calls: Iterable[Call], tree: Tree) -> list[Change]:
    """Return what the calls changed below the top of the tree, in the order of their begins."""
    reader = _Reader(tree)
    found = [
        change
        for call in sorted(calls, key=lambda call: call.begin)
        for change in reader.read(call)
    ]
    return sorted(found, key=lambda change: change.begin)


class _Reader:
    """Follows names and working directories through the calls."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._cwd: dict[int, str] = {}

    def read(self, call: Call) -> Iterator[Change]:
        for argument in call.arguments:
            if argument.startswith("AT_FDCWD<"):
                self._cwd[call.process] = place(argument) or ""
        a, name = call.arguments, call.name
        match name:
            case "chdir":
                self._cwd[call.process] = self._path(call, None, a[0])
            case "fchdir":
                self._cwd[call.process] = place(a[0]) or ""
            case "open" | "creat":
                yield from self._open(call, self._path(call, None, a[0]), a[1:])
            case "openat" | "openat2":
                yield from self._open(call, self._path(call, a[0], a[1]), a[2:])
            case "mkdir":
                yield from self._make(call, self._path(call, None, a[0]), "folder", _octal(a[1]))
            case "mkdirat":
                yield from self._make(call, self._path(call, a[0], a[1]), "folder", _octal(a[2]))
            case "symlink" | "symlinkat":
                at = self._path(call, a[1] if name == "symlinkat" else None, a[-1])
                yield from self._make(call, at, "link", 0o777, data(a[0]).decode())
            case "bind" if "AF_UNIX" in a[1] and not data(a[1]).startswith(b"\0"):
                at = self._path(call, None, a[1])
                yield from self._make(call, at, "socket", 0o600)
            case "unlink" | "rmdir":
                yield from self._rename(call, self._path(call, None, a[0]), None)
            case "unlinkat":
                yield from self._rename(call, self._path(call, a[0], a[1]), None)
            case "rename":
                to = self._path(call, None, a[1])
                yield from self._rename(call, self._path(call, None, a[0]), to)
            case "renameat" | "renameat2":
                to = self._path(call, a[2], a[3])
                yield from self._rename(call, self._path(call, a[0], a[1]), to)
            case "chmod" | "fchmodat":
                at = self._path(call, a[0] if name == "fchmodat" else None, a[name != "chmod"])
                yield from self._mode(call, at, _octal(a[1 + (name != "chmod")]))
            case "fchmod":
                yield from self._mode(call, place(a[0]), _octal(a[1]))
            case "utimensat":
                self._times(call)
            case "bind":
                pass
            case "sync" | "syncfs":
                yield Sync(call.begin, call.end, None)
            case "splice" if not self._tree.covers(place(a[2])):
                pass
            case _:
                yield from self._bytes(call)

    def _path(self, call: Call, folder: str | None, name: str) -> str:
        """Return the absolute path that a name means, below a folder or where the process is."""
        text = data(name).decode()
        if text.startswith("/"):
            return os.path.normpath(text)
        above = self._cwd.get(call.process) if folder is None else place(folder)
        if not above:
            raise TraceError(f"where {call.name}({text!r}) of {call.process} lies is not known")
        return os.path.normpath(f"{above}/{text}")

    def _open(self, call: Call, path: str, how: tuple[str, ...]) -> Iterator[Change]:
        flags = "O_CREAT|O_TRUNC" if call.name == "creat" else how[0]
        if not self._tree.covers(path) or not re.search("O_CREAT|O_TRUNC|O_TMPFILE", flags):
            return
        if "O_TMPFILE" in flags or call.name == "openat2":
            raise TraceError(f"{call.name} with {flags} is not understood")
        path = place(call.opened) or path  # where links lead
        inode = self._tree.find(path)
        if inode is None:
            yield from self._make(call, path, "file", _octal(how[-1]))
        elif "O_TRUNC" in flags and self._tree.data[inode]:
            yield self._changed(Size(call.begin, call.end, inode, 0))

    def _make(
        self, call: Call, path: str, kind: Kind, mode: int, target: str = ""
    ) -> Iterator[Change]:
        if self._tree.covers(path):
            inode = Inode(kind, mode, target)
            self._tree.put(path, inode)
            yield Names(call.begin, call.end, {self._tree.entry(path): inode})

    def _rename(self, call: Call, path: str, to: str | None) -> Iterator[Change]:
        ours = [one for one in (path, to) if self._tree.covers(one)]
        if not ours:
            return
        if (to is not None and len(ours) == 1) or "RENAME_EXCHANGE" in call.arguments[-1]:
            raise TraceError(f"{call.name}({path}, {to}) is not understood")
        entries: dict[Entry, Inode | None] = {self._tree.entry(path): None}
        inode = self._tree.at(path)
        self._tree.put(path, None)
        if to is not None:
            self._tree.put(to, inode)
            entries[self._tree.entry(to)] = inode
        yield Names(call.begin, call.end, entries)

    def _mode(self, call: Call, path: str | None, mode: int) -> Iterator[Change]:
        if path is not None and self._tree.covers(path):
            yield Mode(call.begin, call.end, self._tree.at(path), mode)

    def _times(self, call: Call) -> None:
        """Note a modification time that was set: what was synced has it, and no other matters."""
        path = place(call.arguments[0])
        stamp = re.search(r"tv_sec=(\d+), tv_nsec=(\d+)[^{]*\]", call.arguments[2])
        if path is not None and self._tree.covers(path) and stamp is not None:
            self._tree.at(path).mtime = int(stamp[1]) * 1_000_000_000 + int(stamp[2])

    def _bytes(self, call: Call) -> Iterator[Change]:
        """Read the calls that take an open file.

        Where the position is not in the call, it writes at the end: that is how files are written
        from their beginning. The recording is held against the files, so that an exception shows.
        """
        tree, a = self._tree, call.arguments
        path = place(a[2] if call.name == "copy_file_range" else a[0])
        if path is None or not tree.covers(path):
            return
        inode, span = tree.at(path), (call.begin, call.end)
        end = len(tree.data.get(inode, b""))
        match call.name:
            case "fsync" | "fdatasync":
                yield Sync(*span, inode)
            case "ftruncate":
                yield self._changed(Size(*span, inode, int(a[1])))
            case "write" | "writev":
                yield self._changed(Bytes(*span, inode, end, data(a[1])[: call.result]))
            case "pwrite64":
                yield self._changed(Bytes(*span, inode, int(a[3]), data(a[1])[: call.result]))
            case "copy_file_range" if a[1] == a[3] == "NULL":
                copied = self._content(place(a[0]) or "")[end : end + call.result]
                yield self._changed(Bytes(*span, inode, end, copied))
            case _:
                raise TraceError(f"{call.name} on {path} is not understood")

    def _content(self, path: str) -> bytes:
        if self._tree.covers(path):
            return bytes(self._tree.data[self._tree.at(path)])
        return Path(path).read_bytes()

    def _changed(self, change: Bytes | Size) -> Change:
        apply(self._tree.data[change.inode], change)
        return change


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


def _octal(text: str) -> int:
    """Return the owner's part of permissions such as 0644; the umask decides about the rest."""
    return int(text, 8) & 0o700
