"""Which SQLite we speak to, and how a connection to the queue is set up.

SQLite 3.7.0 to 3.51.2 can corrupt a database in WAL mode when two connections write or checkpoint
at once (sqlite.org/wal.html, "the WAL-reset bug"). Two defences: one writing connection in one
process, and a library without the fault where the interpreter's own has it.
"""

import sqlite3 as _builtin
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from orchestrator.core.faults import DiskFullError, FatalStorageError

FIXED = (3, 51, 3)


def _choose() -> ModuleType:
    if _builtin.sqlite_version_info < FIXED:
        try:
            from pysqlite3 import dbapi2  # noqa: PLC0415 - only where it is needed and there
        except ImportError:
            return _builtin
        if dbapi2.sqlite_version_info > _builtin.sqlite_version_info:
            return dbapi2  # type: ignore[no-any-return]  # it has no types
    return _builtin


if TYPE_CHECKING:
    import sqlite3

    engine = sqlite3
else:
    engine = _choose()

Connection = engine.Connection
Row = engine.Row

# For every connection: what SQLite may believe, and what it must check.
_PRAGMAS = (
    "PRAGMA busy_timeout = 5000",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA mmap_size = 0",
    "PRAGMA temp_store = MEMORY",
)
# For the writer: synchronous FULL, because NORMAL loses acknowledged commits at a power cut.
_WRITER_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA wal_autocheckpoint = 1000",
    "PRAGMA journal_size_limit = 67108864",
)


def connect_writer(
    path: Path | str, inspect: Callable[[Connection], object] = lambda _: None
) -> Connection:
    """Open the one writing connection. Raises the engine's Error when WAL mode is refused.

    `inspect` sees the database before anything in it is changed, and may raise.
    """
    conn = engine.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        _set_up(conn)
        inspect(conn)
        _make_durable(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def connect_private(path: Path) -> Connection:
    """Open a database that nobody else knows yet; what is written to it, the caller must sync."""
    conn = engine.connect(path, isolation_level=None)
    try:
        _set_up(conn)
        conn.execute("PRAGMA journal_mode = MEMORY").fetchone()
    except BaseException:
        conn.close()
        raise
    return conn


def _make_durable(conn: Connection) -> None:
    mode = conn.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode not in {"wal", "memory"}:
        raise engine.OperationalError(f"this file system does not allow WAL mode (got {mode})")
    for pragma in _WRITER_PRAGMAS:
        conn.execute(pragma)


def connect_reader(path: Path) -> Connection:
    """Open a connection that cannot write; the daemon may be running or not.

    The database is opened in mode `ro`, as the daemon's own user: the -shm file beside it must be
    writable for WAL readers while the daemon is down.
    """
    conn = engine.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
    try:
        _set_up(conn)
    except BaseException:
        conn.close()
        raise
    return conn


def _set_up(conn: Connection) -> None:
    conn.row_factory = Row
    for pragma in _PRAGMAS:
        conn.execute(pragma)


# What SQLite calls a mistake in a statement or its values; everything else is about the storage.
_MISTAKES = frozenset(
    {
        engine.SQLITE_ERROR,
        engine.SQLITE_CONSTRAINT,
        engine.SQLITE_MISMATCH,
        engine.SQLITE_MISUSE,
        engine.SQLITE_RANGE,
        engine.SQLITE_TOOBIG,
    }
)


def storage_fault(error: BaseException) -> DiskFullError | FatalStorageError | None:
    """Return what an error says about the storage; None when only a statement was wrong."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # not raised by SQLite itself
        return None
    primary = code & 0xFF
    if primary in _MISTAKES:
        return None
    if primary == engine.SQLITE_FULL:
        return DiskFullError("no space left for the queue's database")
    return FatalStorageError(f"the queue's database cannot be read or written: {error}")
