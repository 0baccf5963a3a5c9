"""What this machine can do at all, for each thing that orchestrator is measured at."""

import itertools
import os
import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.store.sqlite import connect_writer

SPEC = b'name = "nothing"\n[run]\ncommand = ["true"]\n'


def rate(step: Callable[[int], object], seconds: float) -> float:
    """Return how often a second the step can be done, one after another."""
    began = time.perf_counter()
    for number in itertools.count(1):
        step(number)
        passed = time.perf_counter() - began
        if passed >= seconds:
            break
    return number / passed


def synced_renames(folder: Path, seconds: float) -> float:
    """Write a small file, sync it, rename it, sync the folder: a durable hand-over."""
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def hand_over(number: int) -> None:
        hidden = f".{number}"
        fd = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=top)
        os.write(fd, SPEC)
        os.fsync(fd)
        os.close(fd)
        os.rename(hidden, str(number), src_dir_fd=top, dst_dir_fd=top)
        os.fsync(top)

    try:
        return rate(hand_over, seconds)
    finally:
        os.close(top)


def full_commits(file: Path, seconds: float) -> float:
    """Commit one small row a time to SQLite, as the queue does: WAL, synchronous = FULL."""
    conn = connect_writer(file, lambda _: 0)
    try:
        conn.execute("CREATE TABLE row (n INTEGER PRIMARY KEY, text TEXT)")
        return rate(
            lambda n: conn.execute("INSERT INTO row VALUES (?, ?)", (n, "x" * 200)), seconds
        )
    finally:
        conn.close()


def spawns(seconds: float) -> float:
    """Start a program that does nothing, and wait for it."""

    def start(_: int) -> None:
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)

    return rate(start, seconds)
