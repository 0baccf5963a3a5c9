"""The queue's one writing connection: units of work on its thread, many of them in one commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite.core

from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.store import migrate
from orchestrator.store.sqlite import Connection, connect_writer, engine, is_disk_full

T = TypeVar("T")
P = ParamSpec("P")
Unit = Callable[[], Any]
Hop = Callable[[Callable[[], Any]], Awaitable[Any]]


class Database:
    """Runs synchronous functions of a connection as units, on the one thread that owns it.

    A cancelled caller does not undo its unit: cancelled is not "not done", so read again.
    """

    def __init__(self, conn: Connection, hop: Hop) -> None:
        """Take a connection and the way to run a function on the thread that owns it."""
        self._conn = conn
        self._hop = hop
        self._waiting: list[tuple[Unit, asyncio.Future[Any]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self.on_commit: list[Callable[[], None]] = []

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what the function reads. It must not write."""
        result: T = await self._hop(partial(fn, self._conn, *args, **kwargs))
        return result

    async def write(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run the function in a transaction; return its result after the commit is synced.

        Units that wait together share one commit; each has a savepoint, so that one that raises
        is undone alone. Raises what the function raises, DiskFullError when there is no space
        (nothing was written), and FatalStorageError when the process must end.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append((partial(fn, self._conn, *args, **kwargs), future))
        if self._flusher is None:
            self._flusher = asyncio.create_task(self._flush())
        return await future

    async def _flush(self) -> None:
        """Commit what waits, together, until nothing waits. Never raises: callers are told."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                outcomes = await self._hop(
                    partial(_commit, self._conn, [unit for unit, _ in batch])
                )
            except BaseException as error:  # noqa: BLE001 - passed on to everybody who waits
                outcomes = [error] * len(batch)
            else:
                for tell in self.on_commit:
                    tell()
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, BaseException):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
        self._flusher = None


def _commit(conn: Connection, units: list[Unit]) -> list[Any]:
    """Run the units in one transaction; return for each its result or its exception."""
    try:
        conn.execute("BEGIN IMMEDIATE")
        outcomes = [_in_savepoint(conn, unit) for unit in units]
        conn.execute("COMMIT")
    except engine.Error as error:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        if is_disk_full(error):
            raise DiskFullError("no space left for the queue's database") from error
        raise FatalStorageError(f"the queue's database could not be written: {error}") from error
    return outcomes


def _in_savepoint(conn: Connection, unit: Unit) -> Any:
    conn.execute("SAVEPOINT unit")
    try:
        outcome = unit()
    except (engine.OperationalError, engine.InternalError):
        raise  # the disk, not the unit: the whole transaction is in doubt
    except Exception as error:  # noqa: BLE001 - handed to the caller of this unit
        conn.execute("ROLLBACK TO unit")
        outcome = error
    conn.execute("RELEASE unit")
    return outcome


@asynccontextmanager
async def open_database(path: Path, backups: Path) -> AsyncIterator[Database]:
    """Open the queue for writing, migrated to this program's schema; close it at the end.

    The caller holds the home's lock. Raises migrate.SchemaError when the file is not ours or newer.
    """
    connection = aiosqlite.core.Connection(partial(_connect, path, backups), 64)
    await connection  # type: ignore[unused-awaitable]  # it opens; what it returns is itself
    try:
        raw: Any = connection._conn  # noqa: SLF001 - a unit must get the connection itself
        yield Database(raw, connection._execute)  # noqa: SLF001 - one hop for a whole transaction
    finally:
        await connection.close()


def _connect(path: Path, backups: Path) -> Any:
    conn = connect_writer(path)
    try:
        migrate.migrate(conn, backups)
        _check(conn, path, backups)
    except BaseException:
        conn.close()
        raise
    return conn


def _check(conn: Connection, path: Path, backups: Path) -> None:
    problem = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise FatalStorageError(f"{path} is damaged: {problem}; restore a copy from {backups}")


def checkpoint(conn: Connection) -> None:
    """Write the log back into the database file; run at a clean shutdown, outside a transaction."""
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
