"""Starting one run at most once."""

import contextlib
import fcntl
import os
import time
from typing import NamedTuple

from orchestrator.backends.supervisor import files, processes
from orchestrator.backends.supervisor.spawn import spawn


class Order(NamedTuple):
    """What to start: `cwd` is relative to the run's folder; times are in seconds.

    `grace` is how long the run may take to end by itself once it is asked to.
    """

    key: str
    argv: list[str]
    env: dict[str, str]
    cwd: str
    time_limit: float | None
    grace: float


def start(order: Order, folder: int, boot: str) -> processes.Mark | None:
    """Start a run in its folder; None if it was ever started before.

    What was started carries the mark that is returned. Raises SpawnError when its command is at
    fault: the run counts as started and has failed. Raises OSError when this machine is at fault:
    nothing was started, and the run may be started again.
    """
    if files.exists(files.STARTED, folder) or files.exists(files.EXIT, folder):
        return None
    with contextlib.ExitStack() as stack:

        def opened(name: str, flags: int) -> int:
            descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
            stack.callback(os.close, descriptor)
            return descriptor

        lock = opened(files.LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return None
        out = opened("stdout", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        err = opened("stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.fchdir(opened(order.cwd, files.FOLDER))
        stack.callback(os.fchdir, folder)
        until = None if order.time_limit is None else time.monotonic() + order.time_limit
        files.reserve(files.EXIT, folder)  # how it ends must not be lost on a full disk
        started = {"boot": boot, "at": time.time(), "until": until}
        files.create_json(files.STARTED, started, folder, synced=True)
        try:
            pid = spawn(order.argv, order.env, out=out, err=err, lock=lock)
        except OSError:
            os.unlink(files.STARTED, dir_fd=folder)
            os.fsync(folder)
            raise
        leader = processes.started(pid)
        identity = {"pid": pid, "start": leader.start, "boot": boot}
        with contextlib.suppress(OSError):  # it only helps to find a run whose supervisor died
            files.create_json(files.PID, identity, folder, synced=False)
        found = os.fstat(lock)
        return processes.Mark(order.key, (found.st_dev, found.st_ino), leader)


def mark_of_orphan(key: str, folder: int) -> processes.Mark:
    """Return how to know the processes of a run that no supervisor keeps any more."""
    try:
        found = os.stat(files.LOCK, dir_fd=folder, follow_symlinks=False)
        lock = (found.st_dev, found.st_ino)
    except OSError:
        lock = None
    try:
        identity = files.read_json(files.PID, folder) or {}
    except (OSError, ValueError):
        identity = {}
    pid = identity.get("pid")
    leader = processes.read(pid) if isinstance(pid, int) else None
    same = (identity.get("start"), identity.get("boot"))
    if leader is not None and (leader.start, files.boot_id()) != same:
        leader = None
    return processes.Mark(key, lock, leader)
