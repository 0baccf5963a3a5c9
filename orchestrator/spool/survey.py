"""One look at something that was dropped: what is in it, what is wrong with it, who writes it.

Only names and numbers are read here, no content; links are never followed, and fifos, devices and
sockets are never opened. Regular files are opened only to ask the kernel who writes them.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

from orchestrator.core.paths import LONGEST
from orchestrator.spool.disk import FOLDER, READ, opened
from orchestrator.spool.lease import Writer, writer_of
from orchestrator.spool.names import SPEC_NAMES, plain, shown
from orchestrator.spool.rules import Rules

_MOST_PROBLEMS = 20

_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a fifo",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class _Place(NamedTuple):
    """An entry of an open folder, and its path below the drop."""

    fd: int
    name: bytes
    path: bytes


class Mark(NamedTuple):
    """What changes when a file, a folder or anything else is touched."""

    path: bytes
    inode: int
    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(slots=True)
class Survey:
    """What a look found. `files` are the regular files, by path below the dropped folder."""

    top: os.stat_result
    asks: bool = True
    writer: Writer = "none"
    marks: list[Mark] = field(default_factory=list)
    files: dict[bytes, os.stat_result] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def state(self) -> int:
        """A number that is another one after any change: of 64 bits, where marks may be many."""
        return hash(tuple(self.marks))

    @property
    def is_folder(self) -> bool:
        """Whether a folder was dropped."""
        return stat.S_ISDIR(self.top.st_mode)

    @property
    def spec_names(self) -> list[str]:
        """The job files at the top of a dropped folder."""
        return [name for name in SPEC_NAMES if name.encode() in self.files]

    def blame(self, path: bytes, what: str) -> None:
        """Note a problem with one path; the empty path is the drop itself."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(f"{shown(path)}: {what}" if path else f"it {what}")

    def heed(self, writer: Writer) -> None:
        """Remember the worst that is known about writers."""
        if "some" in {writer, self.writer}:
            self.writer = "some"
        elif writer == "unknown":
            self.writer = "unknown"


def survey(parent_fd: int, name: bytes, rules: Rules, *, ask: bool = True) -> Survey:
    """Look at one entry of an open folder; raise FileNotFoundError when it is gone.

    Without `ask` no file is opened, and nothing is known of writers.
    """
    top = os.stat(name, dir_fd=parent_fd, follow_symlinks=False)
    found = Survey(top, ask)
    _note(found, _Place(parent_fd, name, b""), top, rules)
    if found.is_folder:
        try:
            with opened(name, FOLDER, parent_fd) as fd:
                _enter(found, fd, b"", rules, 1)
        except PermissionError:
            found.blame(b"", "cannot be read")
        if sum(file.st_size for file in found.files.values()) > rules.largest_folder:
            found.blame(b"", f"holds more than {rules.largest_folder} bytes")
    return found


def _enter(found: Survey, fd: int, above: bytes, rules: Rules, depth: int) -> None:
    for name in _names(fd, rules.most_files + 2 - len(found.marks)):
        path = above + name
        if len(found.marks) > rules.most_files:
            found.blame(b"", f"holds more than {rules.most_files} files and folders")
            return
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            _note(found, _Place(fd, name, path), status, rules)
            if not stat.S_ISDIR(status.st_mode):
                continue
            if depth >= rules.deepest:
                found.blame(path, f"lies more than {rules.deepest} folders deep")
                continue
            with opened(name, FOLDER, fd) as inner:
                _enter(found, inner, path + b"/", rules, depth + 1)
        except FileNotFoundError:
            found.heed("some")  # it was there a moment ago: somebody is at work
        except PermissionError:
            found.blame(path, "cannot be read")


def _names(fd: int, most: int) -> Iterator[bytes]:
    with os.scandir(fd) as entries:
        yield from sorted(os.fsencode(entry.name) for entry in islice(entries, max(most, 0)))


def _note(found: Survey, place: _Place, status: os.stat_result, rules: Rules) -> None:
    path = place.path
    found.marks.append(
        Mark(path, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    )
    if plain(place.name) is None:
        found.blame(path, "has a name that is not plain printable UTF-8 text; rename it")
    if len(path) > LONGEST:
        found.blame(path, f"has a path of more than {LONGEST} bytes")
    if status.st_uid not in rules.owners:
        found.blame(path, f"belongs to another user (uid {status.st_uid})")
    if status.st_dev != found.top.st_dev:
        found.blame(path, "lies on another file system")
    if stat.S_ISREG(status.st_mode):
        found.files[path] = status
        if status.st_nlink != 1:
            found.blame(path, f"has {status.st_nlink} names (hard links); drop a copy instead")
        if found.asks:
            _ask_for_writers(found, place, status)
    elif not stat.S_ISDIR(status.st_mode):
        kind = _KINDS.get(stat.S_IFMT(status.st_mode), "not a file")
        found.blame(path, f"is {kind}; only regular files and folders are accepted")


def _ask_for_writers(found: Survey, place: _Place, status: os.stat_result) -> None:
    try:
        with opened(place.name, READ, place.fd) as fd:
            if os.path.samestat(os.fstat(fd), status):
                found.heed(writer_of(fd))
            else:
                found.heed("some")
    except PermissionError:
        found.heed("unknown")
        found.blame(place.path, "cannot be read by the daemon")
