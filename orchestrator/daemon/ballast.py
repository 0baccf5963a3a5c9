"""The ballast: a file that only takes up room, let go when the disk is full.

Then there is room to finish what is under way: ends of runs are noted, a person's request to cancel
fits into the spool, the logs go on. It is made again once there is room for it twice over.
"""

import errno
import os
import time
from collections.abc import Callable

import anyio
import structlog.typing
from anyio.to_thread import run_sync

from orchestrator.config.home import Home
from orchestrator.config.room import LITTLE, Room, amount, room_at
from orchestrator.daemon.notify import notify
from orchestrator.store import lock

LOOK_EVERY = 5.0  # seconds
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Ballast:
    """The file of one home. Only the process that holds the home's lock touches it."""

    def __init__(self, home: Home) -> None:
        """Choose its size by the size of the disk. Raises OSError."""
        self._path = home.ballast
        self.size = room_at(home.root, 0).ballast

    @property
    def is_there(self) -> bool:
        """Whether it was made to its end: it has its size only then."""
        try:
            return self._path.stat().st_size == self.size
        except FileNotFoundError:
            return False

    def let_go(self) -> bool:
        """Free its room; return whether there was any."""
        try:
            self._path.unlink()
        except FileNotFoundError:
            return False
        return True

    def make(self) -> bool:
        """Take its room, if there is as much again beside it; return whether there was.

        That is tried, not asked: what a quota leaves is not said by how much is free.
        """
        try:
            _allocate(self._path, 2 * self.size, keep=self.size)
        except OSError as error:
            self.let_go()
            if error.errno not in NO_ROOM:
                raise
            return False
        return True


def _allocate(path: os.PathLike[str], size: int, *, keep: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(fd, 0, size)
        os.ftruncate(fd, keep)
    finally:
        os.close(fd)


async def watch_room(
    home: Home,
    room: Callable[[], Room],
    log: structlog.typing.FilteringBoundLogger,
    poke: Callable[[], None],
) -> None:
    """Let the ballast go and make it again, and tell how much room there is, until cancelled.

    `poke` is called when there is room again. Raises OSError when the disk fails.
    """
    ballast, was_short = Ballast(home), False
    while True:
        await anyio.sleep(LOOK_EVERY)
        found = room()
        if found.is_full and ballast.let_go():
            log.warning("the disk is full: the ballast is let go", gained=amount(ballast.size))
        elif (
            found.free >= found.kept + 2 * ballast.size
            and not ballast.is_there
            and await run_sync(ballast.make)
        ):
            log.info("the ballast is made", size=amount(ballast.size))
        if found.short and not was_short:
            log.warning("nothing new is begun", waits_for=found.short)
        elif was_short and not found.short:
            log.info("there is room on the disk again", free=amount(found.free))
            poke()
        was_short = found.short is not None


def wait_for_room(home: Home, say: Callable[[str], None]) -> None:
    """Return when there is the little room that a start takes, or when another daemon is there.

    The ballast of an earlier daemon is let go for it. Raises OSError when the disk fails.
    """
    probe, said = home.root / ".room", False
    while lock.holder(home.lock) is None:
        try:
            _allocate(probe, LITTLE, keep=0)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
            reason = error.strerror
        else:
            return
        finally:
            probe.unlink(missing_ok=True)
        if home.ballast.exists():
            home.ballast.unlink()
            continue
        if not said:
            say(f"waiting for {amount(LITTLE)} of room at {home.root}: {reason}")
            said = True
        notify("STATUS=waiting for room on the disk", "EXTEND_TIMEOUT_USEC=60000000")
        time.sleep(LOOK_EVERY)
