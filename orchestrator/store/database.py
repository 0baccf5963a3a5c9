"""The queue's one writing connection: units of work on its thread, many of them in one commit."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import aiosqlite.core
import anyio
import anyio.to_thread

from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.store import migrate
from orchestrator.store.sqlite import Connection, connect_writer, engine, storage_fault

T = TypeVar("T")
P = ParamSpec("P")
Unit = Callable[[], Any]
Hop = Callable[[Callable[[], Any]], Awaitable[Any]]


class Database:
    """Runs synchronous functions of a connection as units, on the one thread that owns it.

    A cancelled caller does not undo its unit: cancelled is not "not done", so read again. After a
    FatalStorageError everything is refused with it, because what is on disk is not known any more.
    """

    def __init__(self, conn: Connection, hop: Hop) -> None:
        """Take a connection and the way to run a function on the thread that owns it."""
        self._conn = conn
        self._hop = hop
        self._waiting: list[tuple[Unit, asyncio.Future[Any]]] = []
        self._flusher: asyncio.Task[None] | None = None
        self.on_commit: list[Callable[[], None]] = []
        self._fatal: FatalStorageError | None = None

    async def read(
        self, fn: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what the function returns, run outside of any transaction.

        It must not change the queue; a backup or a checkpoint does not. Raises what the function
        raises, and DiskFullError and FatalStorageError as `write` does.
        """
        result: T = await self._on_thread(partial(_read, partial(fn, self._conn, *args, **kwargs)))
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

    async def settle(self) -> None:
        """Wait until every unit that was handed in, also by callers now gone, has been run."""
        if self._flusher is not None:
            await asyncio.wait([self._flusher])

    async def _flush(self) -> None:
        """Commit what waits, together, until nothing waits. Never raises: callers are told."""
        while self._waiting:
            batch, self._waiting = self._waiting, []
            try:
                outcomes = await self._on_thread(
                    partial(_commit, self._conn, [unit for unit, _ in batch])
                )
            except BaseException as error:  # noqa: BLE001 - passed on to everybody who waits
                outcomes = [error] * len(batch)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if future.done():
                    continue
                if isinstance(outcome, BaseException):
                    future.set_exception(outcome)
                else:
                    future.set_result(outcome)
            for tell in self.on_commit:
                tell()
        self._flusher = None

    async def _on_thread(self, fn: Callable[[], Any]) -> Any:
        if self._fatal is not None:
            raise self._fatal
        try:
            return await self._hop(fn)
        except FatalStorageError as error:
            self._fatal = error
            raise


def _read(fn: Unit) -> Any:
    try:
        return _call(fn)
    except engine.Error as error:
        fault = storage_fault(error)
        if fault is None:
            raise
        raise fault from error


def _call(fn: Unit) -> Any:
    try:
        return fn()
    except StopIteration as error:  # no future can carry it: the caller would wait for ever
        raise RuntimeError("StopIteration left a function of the database") from error


def _commit(conn: Connection, units: list[Unit]) -> list[Any]:
    """Run the units in one transaction; return for each its result or its exception."""
    try:
        conn.execute("BEGIN IMMEDIATE")
        outcomes = [_in_savepoint(conn, unit) for unit in units]
        conn.execute("COMMIT")
    except BaseException as error:
        with suppress(engine.Error):  # then the next BEGIN says so
            if conn.in_transaction:
                conn.execute("ROLLBACK")
        if isinstance(error, engine.Error):
            raise storage_fault(error) or FatalStorageError(str(error)) from error
        raise
    return outcomes


def _in_savepoint(conn: Connection, unit: Unit) -> Any:
    conn.execute("SAVEPOINT unit")
    try:
        outcome = _call(unit)
    except Exception as error:
        if storage_fault(error) is not None:
            raise  # not the unit's own: the whole transaction is in doubt
        conn.execute("ROLLBACK TO unit")
        outcome = error
    conn.execute("RELEASE unit")
    return outcome


@asynccontextmanager
async def open_database(path: Path, backups: Path) -> AsyncIterator[Database]:
    """Open the queue for writing, migrated to this program's schema; close it at the end.

    The caller holds the home's lock, which must outlast the connection: neither opening nor
    closing is broken off by a cancellation. Raises migrate.SchemaError when the file is not ours,
    newer or damaged, DiskFullError, and FatalStorageError, with a text that says what to do.
    """
    raw = await anyio.to_thread.run_sync(_connect, path, backups)
    connection = aiosqlite.core.Connection(lambda: raw, 64)
    with anyio.CancelScope(shield=True):
        await connection  # type: ignore[unused-awaitable]  # it starts; what it returns is itself
    database = Database(raw, connection._execute)  # noqa: SLF001 - one hop for a whole transaction
    try:
        yield database
    finally:
        with anyio.CancelScope(shield=True):
            await database.settle()
            await connection.close()


def _connect(path: Path, backups: Path) -> Any:
    conn: Connection | None = None
    try:
        conn = connect_writer(path, migrate.version)
        migrate.migrate(conn, backups)
        _check(conn)
    except BaseException as error:
        if conn is not None:
            conn.close()
        if isinstance(error, engine.Error):
            raise _unusable(error, path, backups) from error
        raise
    return conn


def _check(conn: Connection) -> None:
    problem = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise engine.DatabaseError(" ".join(problem.split()))


def _unusable(error: Exception, path: Path, backups: Path) -> Exception:
    """Return what to say of a database that did not open."""
    code = getattr(error, "sqlite_errorcode", engine.SQLITE_CORRUPT) & 0xFF
    if code == engine.SQLITE_FULL:
        return DiskFullError(f"no space left to open {path}")
    if code in {engine.SQLITE_CORRUPT, engine.SQLITE_NOTADB}:
        return migrate.SchemaError(
            f"{path} is damaged: {error}; `orchestrator restore` puts a copy in its place, the"
            f" newest is in {backups}"
        )
    return FatalStorageError(f"{path} cannot be opened: {error}")


def checkpoint(conn: Connection) -> None:
    """Write the log back into the database file; run at a clean shutdown, outside a transaction."""
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
