"""`orchestrator tail`: the status log, as it stands and as it grows."""

import os
import re
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from orchestrator.cli import homes, screen
from orchestrator.config.home import Home

LOOK_EVERY = 0.2  # seconds
BLOCK = 1 << 16


@click.command()
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows, until interrupted.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=10, show_default=True)
@click.option("--job", "name", metavar="JOB", help="Only the lines of this job.")
@homes.with_home
def tail(home: Home, lines: int, name: str | None, *, follow: bool) -> None:
    """Show the last lines of the status log, and follow it.

    One line for each step of a job: time, job, id and run, backend, remote id, from and to, how
    long, why, and the number of the step.

    \b
    orchestrator tail -f
    orchestrator tail -n 50 --job beam
    """  # noqa: D301 - \b is click's mark for lines that stay as they are
    wanted = _only(home, name) if name else lambda _: True
    path = home.log / "status.log"
    growing = Growing(path)
    for line in deque(filter(wanted, growing.read()), maxlen=lines):
        screen.say(line)
    while follow:
        for line in filter(wanted, growing.read()):
            screen.say(line)
        time.sleep(LOOK_EVERY)


def _only(home: Home, name: str) -> Callable[[str], bool]:
    """Return what tells the lines of one job: its id, shortened as the log shortens it."""
    with homes.queue(home) as conn:
        id_ = homes.find_job(home, conn, name).id
    mark = re.compile(rf"^\S+ +\S+ +{id_[:7]}\S*/")
    return lambda line: mark.match(line) is not None


class Growing:
    """A log that grows, is emptied after it was copied, or is replaced by a new file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None
        self._at = 0
        self._rest = b""

    def read(self) -> Iterator[str]:
        """Yield the whole lines that have come since the last call; none while there is no file."""
        if self._fd is None and not self._open():
            return
        is_replaced = self._is_replaced()  # asked first: what is read next is then all of it
        yield from self._lines()
        if is_replaced:
            os.close(self._descriptor())
            self._fd = None
            if self._open():
                yield from self._lines()

    def _open(self) -> bool:
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        self._at, self._rest = 0, b""
        return True

    def _lines(self) -> Iterator[str]:
        fd = self._descriptor()
        if os.fstat(fd).st_size < self._at:  # emptied after a copy: it begins anew
            self._at, self._rest = 0, b""
        while block := os.pread(fd, BLOCK, self._at):
            self._at += len(block)
            *whole, self._rest = (self._rest + block).split(b"\n")
            for line in whole:
                yield line.decode("utf-8", "backslashreplace")

    def _is_replaced(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False  # moved away, and no new one yet
        return not os.path.samestat(there, os.fstat(self._descriptor()))

    def _descriptor(self) -> int:
        assert self._fd is not None  # noqa: S101 - callers opened it
        return self._fd
