"""From system calls to changes of a file system."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.powercut.changes import (
    Bytes,
    Change,
    Entry,
    Inode,
    Mode,
    Names,
    Size,
    Sync,
    apply,
)
from tests.powercut.reading import Call, TraceError, data, place
from tests.powercut.tree import Tree

TRACED = (
    "open", "openat", "openat2", "creat", "write", "pwrite64", "writev", "pwritev", "pwritev2",
    "ftruncate", "truncate", "fallocate", "copy_file_range", "sendfile", "splice",
    "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "mkdir", "mkdirat",
    "symlink", "symlinkat", "link", "linkat", "bind", "mknod", "mknodat",
    "chmod", "fchmod", "fchmodat", "utimensat", "fsync", "fdatasync", "sync", "syncfs",
    "sync_file_range", "chdir", "fchdir",
)  # fmt: skip
"""All that changes files; one that is not understood below ends the reading with an error."""


HERE = "here"  # where a process is: what the older calls, without a folder, are relative to

OLDER = {
    "open": "openat",
    "mkdir": "mkdirat",
    "unlink": "unlinkat",
    "rmdir": "unlinkat",
    "chmod": "fchmodat",
}


def _modern(name: str, a: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
    """Return a call in its form that names the folder of each path."""
    match name:
        case "creat":
            return "openat", (HERE, a[0], "O_CREAT|O_TRUNC", a[1])
        case "rename":
            return "renameat2", (HERE, a[0], HERE, a[1], "0")
        case "renameat":
            return "renameat2", (*a, "0")
        case "symlink":
            return "symlinkat", (a[0], HERE, a[1])
        case _ if name in OLDER:
            return OLDER[name], (HERE, *a)
    return name, a


def changes(calls: Iterable[Call], tree: Tree) -> list[Change]:
    """Return what the calls changed below the top of the tree, in the order of their begins."""
    follower = _Follower(tree)
    in_order = sorted(calls, key=lambda call: call.begin)
    return [change for call in in_order for change in follower.follow(call)]


class _Follower:
    """Follows names and working directories through the calls."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._cwd: dict[int, str] = {}
        self._opened: dict[tuple[int, int], str] = {}  # process and descriptor → where it leads
        self._readers: dict[str, Callable[[Call, tuple[str, ...]], Iterator[Change]]] = {
            "openat": self._open,
            "mkdirat": self._mkdir,
            "symlinkat": self._symlink,
            "bind": self._bind,
            "unlinkat": self._unlink,
            "renameat2": self._rename,
            "fchmodat": self._chmod,
            "fchmod": self._fchmod,
            "utimensat": self._times,
            "chdir": self._chdir,
            "fchdir": self._fchdir,
            "sync": self._sync_all,
            "syncfs": self._sync_all,
        }

    def follow(self, call: Call) -> Iterator[Change]:
        """Yield what one call changed."""
        for argument in call.arguments:
            if argument.startswith("AT_FDCWD<"):
                self._cwd[call.process] = place(argument) or ""
        name, arguments = _modern(call.name, call.arguments)
        yield from self._readers.get(name, self._bytes)(call, arguments)

    def _path(self, call: Call, folder: str, name: str) -> str:
        """Return the absolute path that a name means, below a folder or where the process is."""
        text = data(name).decode()
        if by_descriptor := re.fullmatch(r"/proc/self/fd/(\d+)/(.*)", text):
            folder_of_it = self._opened[call.process, int(by_descriptor[1])]
            return os.path.normpath(f"{folder_of_it}/{by_descriptor[2]}")
        above = self._cwd.get(call.process) if folder == HERE else place(folder)
        if not above and not text.startswith("/"):
            raise TraceError(f"where {call.name}({text!r}) of {call.process} lies is not known")
        return os.path.normpath(f"{above}/{text}" if not text.startswith("/") else text)

    # ── where processes are ─────────────────────────────────────────────────

    def _chdir(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        self._cwd[call.process] = self._path(call, HERE, a[0])
        yield from ()

    def _fchdir(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        self._cwd[call.process] = place(a[0]) or ""
        yield from ()

    # ── names ───────────────────────────────────────────────────────────────

    def _open(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        self._opened[call.process, call.result] = place(call.opened) or ""
        path = self._path(call, a[0], a[1])
        if not self._tree.covers(path) or not re.search("O_CREAT|O_TRUNC|O_TMPFILE", a[2]):
            return
        if "O_TMPFILE" in a[2]:
            raise TraceError(f"{call.name} with {a[2]} is not understood")
        path = place(call.opened) or path  # where links lead
        inode = self._tree.find(path)
        if inode is None:
            yield from self._make(call, path, Inode("file", _owners(a[3])))
        elif "O_TRUNC" in a[2] and self._tree.data[inode]:
            yield self._changed(Size(call.begin, call.end, inode, 0))

    def _mkdir(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        yield from self._make(call, self._path(call, a[0], a[1]), Inode("folder", _owners(a[2])))

    def _symlink(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        link = Inode("link", 0o700, target=data(a[0]).decode())
        yield from self._make(call, self._path(call, a[1], a[2]), link)

    def _bind(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        if "AF_UNIX" in a[1] and not data(a[1]).startswith(b"\0"):
            yield from self._make(call, self._path(call, HERE, a[1]), Inode("socket", 0o700))

    def _make(self, call: Call, path: str, inode: Inode) -> Iterator[Change]:
        if self._tree.covers(path):
            self._tree.put(path, inode)
            yield Names(call.begin, call.end, {self._tree.entry(path): inode})

    def _unlink(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        path = self._path(call, a[0], a[1])
        if self._tree.covers(path):
            self._tree.put(path, None)
            yield Names(call.begin, call.end, {self._tree.entry(path): None})

    def _rename(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        path, to = self._path(call, a[0], a[1]), self._path(call, a[2], a[3])
        ours = self._tree.covers(path) + self._tree.covers(to)
        if ours == 1 or (ours and "RENAME_EXCHANGE" in a[4]):
            raise TraceError(f"{call.name}({path}, {to}) is not understood")
        if ours:
            inode = self._tree.at(path)
            self._tree.put(path, None)
            self._tree.put(to, inode)
            entries: dict[Entry, Inode | None] = {self._tree.entry(path): None}
            yield Names(call.begin, call.end, entries | {self._tree.entry(to): inode})

    # ── what a file is like ─────────────────────────────────────────────────

    def _chmod(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        path = self._path(call, a[0], a[1])
        if self._tree.covers(path):
            yield Mode(call.begin, call.end, self._tree.at(path), _owners(a[2]))

    def _fchmod(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        path = place(a[0])
        if path is not None and self._tree.covers(path):
            yield Mode(call.begin, call.end, self._tree.at(path), _owners(a[1]))

    def _times(self, _: Call, __: tuple[str, ...]) -> Iterator[Change]:
        """Ignore times here: those that matter are read from the real files afterwards."""
        yield from ()

    def _sync_all(self, call: Call, _: tuple[str, ...]) -> Iterator[Change]:
        yield Sync(call.begin, call.end, None)

    def _bytes(self, call: Call, a: tuple[str, ...]) -> Iterator[Change]:
        """Read the calls that take an open file.

        Where the position is not in the call, it writes at the end: that is how files are written
        from their beginning. The recording is held against the files, so that an exception shows.
        """
        tree = self._tree
        path = place(a[2] if call.name in {"copy_file_range", "splice"} else a[0])
        if path is None or not tree.covers(path):
            return
        inode, span = tree.at(path), (call.begin, call.end)
        end = len(tree.data.get(inode, b""))
        match call.name:
            case "fsync" | "fdatasync":
                yield Sync(*span, inode)
            case "ftruncate":
                yield self._changed(Size(*span, inode, int(a[1])))
            case "fallocate" if a[1] == "0":
                size = max(len(self._tree.data[inode]), int(a[2]) + int(a[3]))
                yield self._changed(Size(*span, inode, size))
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


def _owners(text: str) -> int:
    """Return the owner's part of permissions such as 0644; the umask decides about the rest."""
    return int(text, 8) & 0o700
