"""Programs that tests start in a process of their own, to kill them or to break their disk.

Run as `python -m tests.store.child PROGRAM FOLDER`.
"""

import asyncio
import contextlib
import os
import sys
from itertools import count
from pathlib import Path

import anyio

from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.store import lock, migrate
from orchestrator.store.database import open_database
from orchestrator.store.sqlite import Connection, engine
from tests.store.making import names

PADDING = "x" * 3000


def add_pair(conn: Connection, number: int) -> None:
    """Write two rows that belong together."""
    values = (f"{number:012d}", PADDING)
    conn.execute("INSERT INTO request (id, verb, job, at) VALUES (?, 'hold', ?, 0)", values)
    conn.execute("INSERT INTO rejection (id, name, at, reason) VALUES (?, ?, 0, '')", values)


def count_pairs(conn: Connection) -> int:
    """Return how many requests there are."""
    found: int = conn.execute("SELECT count(*) FROM request").fetchone()[0]
    return found


def add_large(conn: Connection, number: int, size: int) -> None:
    """Write a row of so many bytes."""
    conn.execute(
        "INSERT INTO rejection (id, name, at, reason) VALUES (?, ?, 0, '')",
        (f"{number:012d}", "x" * size),
    )


def say(*words: object) -> None:
    """Print at once, so that what was said before a kill is heard."""
    print(*words, flush=True)  # noqa: T201 - how a child answers


async def raise_in_the_middle(folder: Path) -> None:
    """End with an error while the queue is open and a write waits."""
    async with open_database(folder / "queue.db", folder) as db:
        await db.write(add_pair, 1)
        async with anyio.create_task_group() as group:
            group.start_soon(db.write, add_pair, 2)
            await anyio.lowlevel.checkpoint()
            raise RuntimeError("in the middle")


async def write_for_ever(folder: Path) -> None:
    """Write pairs from many tasks at once; say the number of each that is acknowledged."""
    async with open_database(folder / "queue.db", folder) as db:
        numbers = count(await db.read(count_pairs) * 1000)

        async def worker() -> None:
            for number in numbers:
                await db.write(add_pair, number)
                say(number)

        await asyncio.gather(*[worker() for _ in range(16)])


async def write_until_fatal(folder: Path) -> None:
    """Write one pair after the other until the disk fails, then try to go on all the same."""
    async with open_database(folder / "queue.db", folder) as db:
        for number in range(100):
            try:
                await db.write(add_pair, number)
            except FatalStorageError as error:
                say("fatal", error)
                break
            say(number)
        for attempt in (db.write(add_pair, 1000), db.read(count_pairs)):
            try:
                await attempt
            except FatalStorageError:
                say("refused")


async def fill_the_disk(folder: Path) -> None:
    """Write until the disk is full, make space, and write on."""
    ballast = folder / "ballast"
    ballast.write_bytes(b"x" * (1 << 20))
    async with open_database(folder / "queue.db", folder) as db:
        with contextlib.suppress(DiskFullError):
            for number in range(1000):
                await db.write(add_large, number, 300_000)
        both = db.write(add_pair, 5000), db.write(add_large, 6000, 300_000)
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [DiskFullError] * 2, outcomes
        ballast.unlink()
        await db.write(add_pair, 5001)
        assert await db.read(count_pairs) == 1, "a unit that was refused took effect"
        try:
            await db.read(migrate.backup, folder / "backup.db")
        except DiskFullError:
            say("the backup does not fit")
        left = names(folder)
        assert left == ["queue.db", "queue.db-shm", "queue.db-wal"], f"half a backup: {left}"
        await db.write(add_pair, 5002)
    async with open_database(folder / "queue.db", folder) as db:
        assert await db.read(count_pairs) == 2, "what was written after the pause is lost"
    say("whole")


async def hold_the_lock(folder: Path) -> None:
    """Hold the home's lock, start a program that outlives this one, and wait to be killed."""
    with lock.hold(folder / "lock"):
        say(_start_sleeper())
        await asyncio.Event().wait()


def _start_sleeper() -> int:
    return os.posix_spawnp("sleep", ["sleep", "600"], os.environ)  # as a supervisor is started


async def which_sqlite(_: Path) -> None:
    """Say the version of the library."""
    say(engine.sqlite_version)


PROGRAMS = {
    program.__name__: program
    for program in (
        raise_in_the_middle,
        write_for_ever,
        write_until_fatal,
        fill_the_disk,
        hold_the_lock,
        which_sqlite,
    )
}

if __name__ == "__main__":
    asyncio.run(PROGRAMS[sys.argv[1]](Path(sys.argv[2])))
