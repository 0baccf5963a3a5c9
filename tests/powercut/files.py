"""One file after a power cut: its size, its permissions, and each of its sectors."""

from collections.abc import Iterable, Iterator, Sequence
from random import Random
from typing import NamedTuple

from tests.powercut.changes import Bytes, Inode, Mode, Size, apply, resize

Content = Bytes | Size | Mode


class Node(NamedTuple):
    """What lies at a path."""

    inode: Inode
    mode: int
    data: bytes


class Tearing(NamedTuple):
    """How files come to the disk: each part is quite new with the chance `keeps`.

    A disk writes `sector` bytes whole.
    """

    random: Random
    keeps: float
    sector: int

    def moment(self, least: int, last: int) -> int:
        """Draw as of which change a part of a file is."""
        is_new = self.random.random() < self.keeps
        return last if is_new else self.random.randint(least, last)


def whole(inode: Inode, changes: Iterable[Content]) -> Node:
    """Return a file after all of the changes."""
    data, mode = bytearray(), inode.mode
    for one in changes:
        if isinstance(one, Mode):
            mode = one.mode
        else:
            apply(data, one)
    return Node(inode, mode, bytes(data))


def torn(inode: Inode, changes: Sequence[Content], sure: int, tearing: Tearing) -> Node:
    """Return a file of which each part is as after some change, the first `sure` ones included.

    No bytes from before the file was last cut are seen in it, and none from after its next cut.
    """
    sized = tearing.moment(sure, len(changes))
    _, mode, sized_data = whole(inode, changes[:sized])
    data = bytearray(whole(inode, changes[:sure]).data)
    cuts = [at for at in range(sure, len(changes)) if isinstance(changes[at], Size)]
    first = max((at for at in cuts if at < sized), default=sure)
    last = min((at for at in cuts if at >= sized), default=len(changes))
    for one in changes[sure : first + 1]:
        if isinstance(one, Size):
            resize(data, one.size)
    resize(data, len(sized_data))
    moments: dict[int, int] = {}
    for at in range(first, last):
        one = changes[at]
        if not isinstance(one, Bytes):
            continue
        for number, start, end in _sectors(one, len(data), tearing.sector):
            if number not in moments:
                moments[number] = tearing.moment(first, len(changes))
            if at < moments[number]:
                data[start:end] = one.data[start - one.offset : end - one.offset]
    return Node(inode, mode, bytes(data))


def _sectors(change: Bytes, size: int, sector: int) -> Iterator[tuple[int, int, int]]:
    """Yield number, start and end of each sector, or part of one, that a change wrote."""
    start, last = change.offset, min(change.offset + len(change.data), size)
    while start < last:
        end = min((start // sector + 1) * sector, last)
        yield start // sector, start, end
        start = end
