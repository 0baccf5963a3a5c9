"""Where every dropped thing is afterwards: nothing may vanish, and no byte of it may change.

A rename keeps the inode, so that a thing is known again wherever it was moved, under any name.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from orchestrator.config.home import Home

Inode = tuple[int, int]
Place = Literal["spool", "claimed", "archive", "rejected"]

HASHED = 64 << 20  # bytes; of a larger file, which is sparse here, only the size is noted


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that lies somewhere: where, the id of its folder, its digest."""

    place: Place
    path: Path
    id: str
    digest: str


def inode_of(path: Path) -> Inode:
    """Return what tells this thing from every other."""
    status = path.lstat()
    return status.st_dev, status.st_ino


def digest(path: Path) -> str:
    """Return a digest of everything at and below a path: kinds, names, bytes, targets of links."""
    told = hashlib.sha256()
    for line in _lines(path, ""):
        told.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return told.hexdigest()


def _lines(path: Path, inside: str) -> Iterator[str]:
    status = path.lstat()
    what = ""
    if stat.S_ISREG(status.st_mode):
        what = str(status.st_size)
        if status.st_size <= HASHED and os.access(path, os.R_OK):
            what += hashlib.sha256(path.read_bytes()).hexdigest()
    elif stat.S_ISLNK(status.st_mode):
        what = str(path.readlink())
    elif stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode):
        what = str(status.st_rdev)
    yield f"{stat.S_IFMT(status.st_mode):o} {inside} {what}"
    if stat.S_ISDIR(status.st_mode) and os.access(path, os.R_OK | os.X_OK):
        for each in sorted(path.iterdir()):
            yield from _lines(each, f"{inside}/{each.name}")


def everything(home: Home) -> dict[Inode, list[Found]]:
    """Return all that was dropped, by inode; in a sound home there is one of each."""
    found: dict[Inode, list[Found]] = {}
    for place, path, ident in _places(home):
        found.setdefault(inode_of(path), []).append(Found(place, path, ident, digest(path)))
    return found


def _places(home: Home) -> Iterator[tuple[Place, Path, str]]:
    for path in home.spool.iterdir():
        yield "spool", path, ""
    for path in home.claimed.glob("*/*"):
        yield "claimed", path, path.parent.name
    for path in home.archive.glob("*/*"):
        yield "archive", path, path.parent.name
    for path in home.rejected.glob("*/dropped/*"):
        yield "rejected", path, path.parent.parent.name.rpartition("-")[2]
