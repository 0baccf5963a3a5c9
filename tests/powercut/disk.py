"""What a power cut may leave of recorded changes.

Two things only are taken for granted: a rename is whole (every journal keeps that), and of two
changes of one name the later one is not kept without the earlier. Beyond these, only what was
synced is sure: bytes and sizes by a sync of their file, names by a sync of their folder.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from enum import StrEnum
from random import Random
from typing import NamedTuple

from tests.powercut.changes import Bytes, Change, Entry, Inode, Mode, Names, Size, Sync
from tests.powercut.files import Node, Tearing, torn, whole

SOME = (0.1, 0.5, 0.9)  # how much of what nobody synced is on the disk all the same


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


Image = dict[str, Node]  # by path below the disk; a folder comes before what is in it


def everything(root: Inode, changes: Sequence[Change]) -> Image:
    """Return the disk with all changes."""
    return after(root, changes, Cut(1 << 62, Way.WRITTEN, ""))


def after(root: Inode, changes: Sequence[Change], cut: Cut) -> Image:
    """Return one of the disks that a cut may leave."""
    made = changes[: bisect_left(changes, cut.moment, key=lambda change: change.begin)]
    random = Random(cut.chance)
    synced = _synced(made, cut.moment)
    renamed = [one for one in made if isinstance(one, Names)]
    names = _names(_kept(renamed, synced, cut.way, random))
    contents: dict[Inode, list[Bytes | Size | Mode]] = defaultdict(list)
    for one in made:
        if isinstance(one, Bytes | Size | Mode):
            contents[one.inode].append(one)
    tearing = Tearing(random, random.choice(SOME), random.choice((512, 4096)))
    image: Image = {}

    def walk(folder: Inode, above: str) -> None:
        for name, inode in names[folder].items():
            mine = contents[inode]
            sure = sum(1 for one in mine if synced.covers(inode, one))
            image[above + name] = _node(inode, mine, sure, cut.way, tearing)
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
    all_of_it = -1
    for one in made:
        if isinstance(one, Sync) and one.end < moment:
            if one.inode is None:
                all_of_it = max(all_of_it, one.begin)
            else:
                inodes[one.inode] = max(inodes.get(one.inode, -1), one.begin)
    return _Synced(inodes, all_of_it)


def _node(
    inode: Inode, changes: Sequence[Bytes | Size | Mode], sure: int, way: Way, tearing: Tearing
) -> Node:
    match way:
        case Way.WRITTEN:
            return whole(inode, changes)
        case Way.LAZY:
            return whole(inode, changes[:sure])
        case Way.JOURNAL | Way.REORDERED:
            return torn(inode, changes, sure, tearing)


def _names(changes: Iterable[Names]) -> dict[Inode, dict[str, Inode]]:
    names: dict[Inode, dict[str, Inode]] = defaultdict(dict)
    for change in changes:
        for (folder, name), inode in change.entries.items():
            if inode is None:
                names[folder].pop(name, None)
            else:
                names[folder][name] = inode
    return names


def _kept(made: Sequence[Names], synced: _Synced, way: Way, random: Random) -> Iterable[Names]:
    """Return the changes of names that are on the disk: the sure ones, and others by chance."""
    match way:
        case Way.WRITTEN:
            return made
        case Way.JOURNAL:
            sure = [at for at, one in enumerate(made) if _is_ordered_sure(one, synced)]
            return made[: random.randint(max(sure, default=-1) + 1, len(made))]
        case Way.LAZY:
            return _kept_by_chance(made, synced, 0.0, random)
        case Way.REORDERED:
            return _kept_by_chance(made, synced, random.choice(SOME), random)


def _is_sure(one: Names, synced: _Synced) -> bool:
    """Whether a sync of a folder covers a change of its names."""
    return any(synced.covers(folder, one) for folder, _ in one.entries)


def _is_ordered_sure(one: Names, synced: _Synced) -> bool:
    """Whether a journal must have come as far: there a sync of a file brings its name along."""
    files = (inode for inode in one.entries.values() if inode is not None)
    return _is_sure(one, synced) or any(synced.covers(inode, one) for inode in files)


def _kept_by_chance(
    made: Sequence[Names], synced: _Synced, keeps: float, random: Random
) -> Iterable[Names]:
    before = _before(made)
    sure = {at for at, one in enumerate(made) if _is_sure(one, synced)}
    for at in reversed(range(len(made))):
        if at in sure:
            sure.update(before[at])
    kept: set[int] = set()
    for at, one in enumerate(made):
        if at in sure or (kept.issuperset(before[at]) and random.random() < keeps):
            kept.add(at)
            yield one


def _before(made: Sequence[Names]) -> list[list[int]]:
    """Return for each change those that it cannot be without: the last ones of the same names."""
    last: dict[Entry, int] = {}
    found = []
    for at, one in enumerate(made):
        found.append([last[entry] for entry in one.entries if entry in last])
        last.update(dict.fromkeys(one.entries, at))
    return found
