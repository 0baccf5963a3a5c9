"""The ways to die: who is killed at whose calls, or with which error a call fails."""

import errno
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tests.killing.calls import ON_FILES
from tests.killing.oracle import Grace
from tests.killing.points import Point

SERVICE = ("daemon", "supervisor")


@dataclass(frozen=True)
class Mode:
    """What happens at a point of one of these roles: its call fails, or processes are killed."""

    name: str
    at: tuple[str, ...]
    kills: tuple[str, ...] = ()  # these roles; all, without one
    error: int | None = None

    def has(self, point: Point) -> bool:
        """Whether this can happen at such a point."""
        return point.role in self.at and (self.error is None or point.call in ON_FILES)

    def grace(self, point: Point) -> set[Grace]:
        """Return what this makes right at a point that it happened at."""
        if self.error is not None:
            return {"failed"} if point.role == "supervisor" else set()
        return {"lost"} if not self.kills or "supervisor" in self.kills else set()


KILL_ALL = Mode("all", (*SERVICE, "run"))
MODES = {
    mode.name: mode
    for mode in (
        Mode("daemon", ("daemon",), kills=("daemon",)),
        Mode("supervisor", ("supervisor",), kills=("supervisor",)),
        KILL_ALL,
        Mode("producer", ("producer",), kills=("producer",)),
        Mode("eio", (*SERVICE, "producer"), error=errno.EIO),
        Mode("enospc", (*SERVICE, "producer"), error=errno.ENOSPC),
        Mode("edquot", (*SERVICE, "producer"), error=errno.EDQUOT),
    )
}


def chosen(
    points: Sequence[Point], mode: Mode, at: str, most: int | None, rng: random.Random
) -> list[int]:
    """Return the numbers (from 1) of the points of a mode that are to be tried.

    Those before and right after a call that matches a pattern: all, or so many drawn by chance.
    """
    mine = [point for point in points if mode.has(point)]
    matching = {n for n, point in enumerate(mine, 1) if re.search(at, str(point))}
    found = [n for n in range(1, len(mine) + 1) if {n, n - 1} & matching]
    if most is None or len(found) <= most:
        return found
    # In a long row of writes to one file, each is much like the next: its ends tell most.
    telling = [n for n in found if not mine[n - 2 : n - 1] == mine[n - 1 : n] == mine[n : n + 1]]
    return sorted(rng.sample(telling, min(most, len(telling))))
