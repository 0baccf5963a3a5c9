"""Which processes belong to a run, read from /proc.

A process belongs to a run when it carries the run's key in its environment, holds the run's lock
open, is in the session of the run's own process, or descends from one that does.
"""

import contextlib
import os
import signal
from collections.abc import Container
from typing import NamedTuple

KEY_VARIABLE = "ORCHESTRATOR_KEY"


class Process(NamedTuple):
    """One process: `start` (clock ticks since boot) tells it from a later one with its number."""

    pid: int
    state: str
    parent: int
    group: int
    session: int
    start: int

    @property
    def runs(self) -> bool:
        """Whether it can still do something; a zombie cannot."""
        return self.state not in "ZX"


class Mark(NamedTuple):
    """How to know what belongs to a run: its key, its lock file (device, inode), its process.

    `leader` leads the session of the run; None when it is not known, or when another session may
    have got its number.
    """

    key: str
    lock: tuple[int, int] | None
    leader: Process | None


def read(pid: int) -> Process | None:
    """Return the process with this number, None when there is none."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    parent, group, session, start = (int(fields[at]) for at in (1, 2, 3, 19))
    return Process(pid, fields[0].decode(), parent, group, session, start)


def started(pid: int) -> Process:
    """Return a child that was just started and not reaped: it is there, even if it has ended.

    Where /proc hides the processes of others, one that at once became another user (sudo) is not
    seen; it is still known by its number for as long as it is ours to reap.
    """
    return read(pid) or Process(pid, "?", os.getpid(), pid, pid, -1)


def children(besides: Container[int]) -> list[Process]:
    """Return the children of this process, orphans it took in included, but for those known.

    The kernel's list is exact here: only we reap our children, and never while it is read.
    """
    me = os.getpid()
    with open(f"/proc/{me}/task/{me}/children", "rb") as file:
        pids = [int(pid) for pid in file.read().split()]
    found = [read(pid) for pid in pids if pid not in besides]
    return [process for process in found if process is not None]


def family(mark: Mark) -> list[Process]:
    """Return every process of a run that can still do something."""
    everyone = {
        process.pid: process
        for name in os.listdir("/proc")
        if name.isdigit() and (process := read(int(name))) is not None and process.runs
    }
    ours = {pid for pid, process in everyone.items() if belongs(process, mark)}
    offspring: dict[int, list[int]] = {}
    for process in everyone.values():
        offspring.setdefault(process.parent, []).append(process.pid)
    todo = list(ours)
    while todo:
        for child in offspring.get(todo.pop(), ()):
            if child not in ours:
                ours.add(child)
                todo.append(child)
    return [everyone[pid] for pid in sorted(ours - {os.getpid()})]


def belongs(process: Process, mark: Mark) -> bool:
    """Whether a process shows by itself that it is part of the run."""
    leader = mark.leader
    if leader is not None and leader.pid in {process.pid, process.session}:
        return process.pid != leader.pid or process.start == leader.start
    return _carries_key(process.pid, mark.key) or _holds_lock(process.pid, mark.lock)


def send(process: Process, signum: int) -> None:
    """Send a signal to exactly this process, never to a later one with the same number."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        descriptor = os.pidfd_open(process.pid)
        try:
            now = read(process.pid)
            if now is not None and now.start == process.start:
                signal.pidfd_send_signal(descriptor, signum)
        finally:
            os.close(descriptor)


def memory_kills() -> int:
    """Return how many processes the kernel has killed since its boot for want of memory.

    It counts those of every group of processes with a limit of its own too; 0 where it is hidden.
    """
    with contextlib.suppress(OSError), open("/proc/vmstat", "rb") as file:
        return int(file.read().partition(b"\noom_kill ")[2].partition(b"\n")[0] or 0)
    return 0


def _carries_key(pid: int, key: str) -> bool:
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            return f"{KEY_VARIABLE}={key}".encode() in file.read().split(b"\0")
    except OSError:
        return False  # gone, or of another user


def _holds_lock(pid: int, lock: tuple[int, int] | None) -> bool:
    if lock is None:
        return False
    with contextlib.suppress(OSError):
        for name in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                found = os.stat(f"/proc/{pid}/fd/{name}")
                if (found.st_dev, found.st_ino) == lock:
                    return True
    return False
