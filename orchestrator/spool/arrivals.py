"""What has arrived in the spool, and which of it is finished.

What came by a rename is taken at once, because its maker says it is whole: `mv`, rsync, our own
producer. What is written in place is taken when nobody has it open for writing and nothing about it
has changed for `settle` seconds: `cp`, `>>`, an editor. Closing proves nothing: `>>` closes after
each line, and the first lines of a job file may be a valid job. Where the kernel does not tell who
writes (a file of another user), nothing is taken at once.

Many things may wait at once, so a look only reads the numbers of what cannot be ready yet: to ask
the kernel for writers takes ten times as long.
"""

import errno
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from orchestrator.spool.disk import FOLDER, opened
from orchestrator.spool.names import asked_id, is_skipped, shown
from orchestrator.spool.rules import Rules
from orchestrator.spool.survey import Survey, survey

PATIENCE = 30
"""How many times longer a folder without a job file is left alone: somebody may be filling it."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Something in the spool that is finished and may be claimed."""

    name: bytes
    mtime_ns: int

    @property
    def order(self) -> tuple[int, bytes]:
        """Sorts arrivals as they came."""
        return (self.mtime_ns, self.name)


@dataclass(frozen=True, slots=True)
class Deferred:
    """Something that waits: its printable name, why, and when (monotonic) to look again."""

    name: str
    why: str
    due: float


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the spool, in the order of arrival."""

    ready: tuple[Arrival, ...]
    deferred: tuple[Deferred, ...]


def _names(fd: int) -> list[bytes]:
    with os.scandir(fd) as entries:
        return [os.fsencode(entry.name) for entry in entries]


_Mark = tuple[int, int, int]


class _Seen(NamedTuple):
    state: int
    since: float


class Arrivals:
    """Remembers how each entry looked and since when, to tell what is finished."""

    def __init__(self, spool: Path, rules: Rules) -> None:
        self._spool = spool
        self._rules = rules
        self._seen: dict[bytes, _Seen] = {}
        self._stuck: dict[bytes, _Mark] = {}

    def look(self, now: float, renamed: Collection[bytes] = ()) -> Look:
        """List what may be claimed and what waits. `now` is monotonic.

        `renamed` are names known to have come by a rename.
        """
        ready: list[Arrival] = []
        deferred: list[Deferred] = []
        seen: dict[bytes, _Seen] = {}
        stuck: dict[bytes, _Mark] = {}
        with opened(self._spool, FOLDER) as fd:
            for name in _names(fd):
                if is_skipped(name):
                    continue
                if self._is_stuck(fd, name):
                    stuck[name] = self._stuck[name]
                    continue
                at_once = name in renamed or asked_id(name) is not None
                state, since = self._seen.get(name, (None, now))
                may_be_ready = at_once or now - since >= self._rules.settle
                try:
                    found = survey(fd, name, self._rules, ask=may_be_ready)
                except OSError as error:
                    if error.errno not in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
                        raise
                    continue  # it was replaced under our eyes: the next look will tell
                if state != found.state:
                    since = now
                seen[name] = _Seen(found.state, since)
                waits = self._waits(name, found, since, now, at_once=at_once)
                if waits is None:
                    ready.append(Arrival(name, found.top.st_mtime_ns))
                else:
                    deferred.append(waits)
        self._seen, self._stuck = seen, stuck
        return Look(tuple(sorted(ready, key=lambda arrival: arrival.order)), tuple(deferred))

    @property
    def names(self) -> frozenset[bytes]:
        """The names there were at the last look, but for those overlooked."""
        return frozenset(self._seen)

    def leave(self, name: bytes, mark: _Mark) -> None:
        """Overlook an entry that cannot be moved until it changes (device, inode, ctime)."""
        self._stuck[name] = mark

    def _is_stuck(self, fd: int, name: bytes) -> bool:
        if name not in self._stuck:
            return False
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return self._stuck[name] == (status.st_dev, status.st_ino, status.st_ctime_ns)

    def _waits(
        self, name: bytes, found: Survey, since: float, now: float, *, at_once: bool
    ) -> Deferred | None:
        settle = self._rules.settle
        if found.writer == "some":
            return Deferred(shown(name), "it is open for writing", now + settle)
        if found.writer == "none" and at_once:
            return None
        needed, why = settle, f"it is taken when nothing has changed for {settle:g} s"
        if found.is_folder and not found.spec_names and not found.problems:
            needed = settle * PATIENCE
            why = f"it holds no job.toml, job.yaml or job.json yet; refused after {needed:g} s"
        if now - since >= needed:
            return None
        return Deferred(shown(name), why, since + needed)
