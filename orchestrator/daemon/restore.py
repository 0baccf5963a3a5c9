"""`orchestrator restore`: an earlier copy of the queue takes the place of the present one."""

import signal
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config import Config, Home
from orchestrator.core.faults import FatalStorageError
from orchestrator.daemon.clock import start_clock
from orchestrator.daemon.reconcile import Told, reconcile
from orchestrator.daemon.serve import prepare
from orchestrator.store import audit, lock, migrate
from orchestrator.store.home import HomeRow, read_home
from orchestrator.store.migrate import SchemaError
from orchestrator.store.sqlite import (
    Connection,
    connect_private,
    connect_reader,
    engine,
    storage_fault,
)
from orchestrator.store.swap import carry_through


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: of when it is (wall-clock seconds), how many jobs it has now.

    `told` is what the home had to say to it; `replaced` is where the queue before it lies, None
    when there was none.
    """

    since: float
    jobs: int
    told: Told
    replaced: Path | None


def restore(home: Home, config: Config, source: Path) -> Restored:
    """Put a copy of the queue in the place of the present one, which is kept aside.

    Raises SchemaError, HomeInUseError, DiskFullError, FatalStorageError, OSError. Then, and after
    a kill at any point, the old queue is in place, or the new one is and the next start says so.
    """
    signal.signal(signal.SIGIO, signal.SIG_IGN)  # a lease of a drop that a writer broke
    prepare(home)
    with lock.hold(home.lock, command=True):
        carry_through(home)
        try:
            _copy(home, source)
            since, jobs, told = _reconciled(home, config)
        except engine.Error as error:
            raise storage_fault(error) or FatalStorageError(str(error)) from error
        migrate.keep_copy(home.restored)  # its name decides
        return Restored(since, jobs, told, carry_through(home))


def _copy(home: Home, source: Path) -> None:
    """Copy a file into the home if it holds a whole queue of this home."""
    if home.database.exists() and source.samefile(home.database):
        raise SchemaError(f"{source} is the present queue itself; name a copy of it")
    source.open("rb").close()  # or SQLite says less about why it cannot
    try:
        with closing(connect_reader(source)) as conn:
            _check(conn, source)
            _check_home(home, read_home(conn))
            migrate.copy(conn, home.restored)
    except engine.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == engine.SQLITE_FULL:
            raise
        raise SchemaError(f"{source} cannot be restored: {error}; take another copy") from error


def _check(conn: Connection, source: Path) -> None:
    if migrate.version(conn) == 0:
        raise SchemaError(f"{source} holds no queue: it is empty")
    if damage := audit.damage(conn):
        raise SchemaError(f"{source} is damaged: {damage[0]}; take another copy")


def _check_home(home: Home, copied: HomeRow | None) -> None:
    """Refuse a copy of another home's queue, where that can be told."""
    try:
        with closing(connect_reader(home.database)) as conn:
            present = read_home(conn)
    except engine.Error:
        return  # there is none, or it is damaged: that is why it is to be replaced
    if present is not None and copied is not None and present.id != copied.id:
        raise SchemaError(
            f"the copy is of the queue of another home ({copied.id}; this one is {present.id}):"
            " restore it into that home, or into a new one (`orchestrator init`)"
        )


def _reconciled(home: Home, config: Config) -> tuple[float, int, Told]:
    """Tell the copy, which nobody else knows yet, what happened since it was made."""
    with closing(connect_private(migrate.part_of(home.restored))) as conn:
        migrate.migrate(conn, None)
        row = read_home(conn)
        if row is None:
            raise SchemaError(
                "the copy was made before the daemon first ran: there is nothing in it"
            )
        now = start_clock(row.anchor)()
        conn.execute("BEGIN IMMEDIATE")
        told = reconcile(home, config, conn, row, now)
        conn.execute("COMMIT")
        jobs = conn.execute("SELECT count(*) FROM job").fetchone()[0]
    return row.anchor.wall, jobs, told
