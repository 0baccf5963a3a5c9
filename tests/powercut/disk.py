"""What a power cut may leave of recorded changes, and how that is put on a real disk.

Two things only are taken for granted: a rename is whole (every journal keeps that), and of two
changes of one name the later one is not kept without the earlier. Beyond these, only what was
synced is sure: bytes and sizes by a sync of their file, names by a sync of their folder.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import NamedTuple

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
    resize,
)

SECTORS = (512, 4096)  # bytes that a disk writes whole


class Way(StrEnum):
    """How a file system brings to the disk what nobody synced."""

    WRITTEN = "written"  # at once, all of it
    LAZY = "lazy"  # never
    JOURNAL = "journal"  # names in the order they changed (ext4, XFS), bytes in any order
    REORDERED = "reordered"  # everything in any order


class Cut(NamedTuple):
    """One power cut: before which moment, what the file system is like, what chance decides."""

    moment: int
    way: Way
    chance: str


class Node(NamedTuple):
    """What lies at a path after the cut."""

    inode: Inode
    mode: int
    data: bytes


Image = dict[str, Node]  # by path below the disk; a folder comes before what is in it


def everything(root: Inode, changes: Sequence[Change]) -> Image:
    """Return the disk with all changes."""
    return after(root, changes, Cut(1 << 62, Way.WRITTEN, ""))


def after(root: Inode, changes: Sequence[Change], cut: Cut) -> Image:
    """Return one of the disks that a cut may leave."""
    made = changes[: bisect_left(changes, cut.moment, key=lambda change: change.begin)]
    random = Random(cut.chance)
    synced = _synced(made, cut.moment)
    names: dict[Inode, dict[str, Inode]] = defaultdict(dict)
    for change in _kept_names([one for one in made if isinstance(one, Names)], synced, cut, random):
        for (folder, name), inode in change.entries.items():
            if inode is None:
                names[folder].pop(name, None)
            else:
                names[folder][name] = inode
    contents: dict[Inode, list[Bytes | Size | Mode]] = defaultdict(list)
    for one in made:
        if isinstance(one, Bytes | Size | Mode):
            contents[one.inode].append(one)
    keeps = random.choice((0.1, 0.5, 0.9))
    sector = random.choice(SECTORS)

    def node(inode: Inode) -> Node:
        mine = contents[inode]
        sure = sum(1 for one in mine if synced.covers(inode, one))
        match cut.way:
            case Way.WRITTEN:
                return _node(inode, mine)
            case Way.LAZY:
                return _node(inode, mine[:sure])
        return _torn(inode, mine, sure, keeps, sector, random)

    image: Image = {}

    def walk(folder: Inode, above: str) -> None:
        for name, inode in names[folder].items():
            image[above + name] = node(inode)
            walk(inode, f"{above}{name}/")

    walk(root, "")
    return image


class _Synced(NamedTuple):
    """Up to which moment each inode was synced, and everything."""

    inodes: dict[Inode, int]
    everything: int

    def covers(self, inode: Inode, change: Change) -> bool:
        """Whether a sync of this inode began after the change was made."""
        return change.end < max(self.inodes.get(inode, -1), self.everything)


def _synced(made: Iterable[Change], moment: int) -> _Synced:
    inodes: dict[Inode, int] = {}
    whole = -1
    for one in made:
        if isinstance(one, Sync) and one.end < moment:
            if one.inode is None:
                whole = max(whole, one.begin)
            else:
                inodes[one.inode] = max(inodes.get(one.inode, -1), one.begin)
    return _Synced(inodes, whole)


def _kept_names(
    made: Sequence[Names], synced: _Synced, cut: Cut, random: Random
) -> Iterable[Names]:
    """Return the changes of names that are on the disk: the sure ones, and others by chance."""
    if cut.way is Way.WRITTEN:
        return made
    before = _before(made)
    journal = cut.way is Way.JOURNAL
    sure = {at for at, one in enumerate(made) if _is_sure(one, synced, journal=journal)}
    if journal:
        least = max(sure, default=-1) + 1
        return made[: random.randint(least, len(made))]
    for at in reversed(range(len(made))):
        if at in sure:
            sure.update(before[at])
    kept: set[int] = set()
    keeps = 0.0 if cut.way is Way.LAZY else random.choice((0.1, 0.5, 0.9))
    for at in range(len(made)):
        if at in sure or (kept.issuperset(before[at]) and random.random() < keeps):
            kept.add(at)
    return [made[at] for at in sorted(kept)]


def _is_sure(one: Names, synced: _Synced, *, journal: bool) -> bool:
    """Whether a sync of a folder covers a change of its names.

    A journal keeps order: a sync of the file itself brings its name along, and whatever came
    before.
    """
    inodes = [folder for folder, _ in one.entries]
    if journal:
        inodes += [inode for inode in one.entries.values() if inode is not None]
    return any(synced.covers(inode, one) for inode in inodes)


def _before(made: Sequence[Names]) -> list[list[int]]:
    """Return for each change those that it cannot be without: the last ones of the same names."""
    last: dict[Entry, int] = {}
    found = []
    for at, one in enumerate(made):
        found.append([last[entry] for entry in one.entries if entry in last])
        last.update(dict.fromkeys(one.entries, at))
    return found


def _node(inode: Inode, changes: Iterable[Bytes | Size | Mode]) -> Node:
    data, mode = bytearray(), inode.mode
    for one in changes:
        if isinstance(one, Mode):
            mode = one.mode
        else:
            apply(data, one)
    return Node(inode, mode, bytes(data))


def _torn(
    inode: Inode,
    changes: Sequence[Bytes | Size | Mode],
    sure: int,
    keeps: float,
    sector: int,
    random: Random,
) -> Node:
    """Return a file of which size, permissions and each sector are as at some moment since its sync.

    Each is as new as possible with the chance `keeps`, and else as old as it may be or in between.
    """

    def some_moment(least: int) -> int:
        return len(changes) if random.random() < keeps else random.randint(least, len(changes))

    sized = some_moment(sure)
    whole = _node(inode, changes[:sized])
    data = bytearray(_node(inode, changes[:sure]).data)
    cut, stop_at = sure, len(changes)  # no bytes from before a cut of the file, or after the next
    for at, one in enumerate(changes[sure:], sure):
        if isinstance(one, Size) and at < sized:
            resize(data, one.size)
            cut = at
        elif isinstance(one, Size):
            stop_at = min(stop_at, at)
    resize(data, len(whole.data))
    moments: dict[int, int] = {}
    for at, one in enumerate(changes[cut:stop_at], cut):
        if not isinstance(one, Bytes):
            continue
        start, end = one.offset, min(one.offset + len(one.data), len(data))
        while start < end:
            number = start // sector
            stop = min((number + 1) * sector, end)
            if number not in moments:
                moments[number] = some_moment(cut)
            if at < moments[number]:
                data[start:stop] = one.data[start - one.offset : stop - one.offset]
            start = stop
    return Node(inode, whole.mode, bytes(data))


def put(image: Image, disk: Path) -> None:
    """Write an image into a new folder."""
    disk.mkdir()
    for path, (inode, mode, data) in image.items():
        at = f"{disk}/{path}"
        match inode.kind:
            case "folder":
                os.mkdir(at)  # noqa: PTH102 - a thousand disks of a hundred files
            case "link":
                os.symlink(inode.target, at)  # noqa: PTH211
            case "socket":
                os.mknod(at, 0o140600)
            case "file":
                with open(at, "wb") as file:  # noqa: PTH123
                    file.write(data)
                    os.fchmod(file.fileno(), mode)
                if inode.mtime is not None:
                    os.utime(at, ns=(inode.mtime, inode.mtime))
    for path, node in reversed(image.items()):
        if node.inode.kind == "folder":
            os.chmod(f"{disk}/{path}", node.mode)  # noqa: PTH101
