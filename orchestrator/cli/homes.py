"""From the words of a command line to a home, its queue, and jobs in it."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.fault import Fault
from orchestrator.config.home import Home, default_home
from orchestrator.config.room import amount, room_at
from orchestrator.core.ids import is_id
from orchestrator.core.now import Now
from orchestrator.daemon.clock import read_anchor, start_clock
from orchestrator.log.escape import escape
from orchestrator.store import lock, migrate, views
from orchestrator.store.home import read_home
from orchestrator.store.lost import lost_queue
from orchestrator.store.resolve import SHORTEST_PREFIX, resolve
from orchestrator.store.sqlite import Connection, connect_reader, connect_writer, engine
from orchestrator.store.views import JobView


def chosen_home() -> Home:
    """Return the home that the command line, the environment or the default names."""
    home = click.get_current_context().obj
    return home if isinstance(home, Home) else Home(default_home())


def with_home(command: Callable[..., Any]) -> Callable[..., Any]:
    """Hand a command its home as first argument. Raises Fault when there is none."""

    @wraps(command)
    def called(*args: Any, **kwargs: Any) -> Any:
        return command(existing(chosen_home()), *args, **kwargs)

    return called


def existing(home: Home) -> Home:
    """Return the home if it is one. Raises Fault, saying what to do."""
    try:
        is_home = home.spool.is_dir()
        if is_home:
            next(home.root.iterdir())
    except OSError as error:
        raise Fault(f"the home {escape(str(home.root))} cannot be read: {error.strerror}") from None
    if not is_home:
        raise Fault(
            f"there is no home at {escape(str(home.root))}; run `orchestrator init` to make it, or"
            " name another one with --home"
        )
    return home


@contextmanager
def queue(home: Home) -> Iterator[Connection]:
    """Open the queue for reading; an empty one in memory before the first daemon has made it.

    Raises Fault when it cannot be read, also when that shows only later.
    """
    check_present(home)
    try:
        conn = connect_reader(home.database) if _has_queue(home) else _empty_queue(home)
        try:
            _check_schema(conn)
            yield conn
        finally:
            conn.close()
    except engine.Error as error:
        what = f"the queue {escape(str(home.database))} cannot be read: {error}"
        if full := full_disk(home):
            raise Fault(f"{what}; {full}") from error
        raise Fault(
            f"{what}; `orchestrator doctor` tells more, copies of the queue are in"
            f" {escape(str(home.backups))}"
        ) from error


def check_present(home: Home) -> None:
    """Raise Fault when the queue of a home was there and is not."""
    if home.restored.exists():
        raise Fault("a restore was broken off after it was decided; `orchestrator serve` ends it")
    if why := lost_queue(home):
        raise Fault(escape(why))


def _has_queue(home: Home) -> bool:
    """Whether a daemon ever finished making the queue; a kill may leave half of one.

    It has a rollback journal only until it is in WAL mode, and that is before anything is in it.
    """
    if not home.database.exists() or Path(f"{home.database}-journal").exists():
        return False
    with closing(connect_reader(home.database)) as conn:
        return conn.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone() is not None


def _empty_queue(home: Home) -> Connection:
    conn = connect_writer(":memory:")
    migrate.migrate(conn, home.backups)
    return conn


def _check_schema(conn: Connection) -> None:
    known = len(migrate.steps())
    try:
        version = migrate.version(conn)
    except migrate.SchemaError as error:
        raise Fault(str(error)) from None
    if version < known:
        raise Fault(
            f"the queue has schema {version}, this program reads {known}: start the daemon of this"
            " version once (`orchestrator serve`), it brings the queue up to date"
        )


def find_job(home: Home, conn: Connection, name: str) -> JobView:
    """Return the one job that a command which looks means: of several with the name, the latest.

    Raises Fault when there is none, or when the beginning of an id fits several.
    """
    ids = resolve(conn, name)
    job = views.job(conn, ids[-1]) if ids else None
    if job is None:
        raise unknown(home, conn, name)
    if job.name != name:
        one_of(ids, name)
    return job


def one_of(ids: list[str], name: str) -> str:
    """Return the only id. Raises Fault, listing them, when there are several."""
    if len(ids) > 1:
        raise Fault(f"{escape(name)} may mean several jobs: {', '.join(ids)}; give more of the id")
    return ids[0]


def unknown(home: Home, conn: Connection, name: str) -> Fault:
    """Return what is said when no job is meant by a word; it may be a drop that became none."""
    said = escape(name)
    if drop := views.progress(conn, [name]).get(name):
        return Fault(f"{said} was rejected: {escape(drop.reason)}; it lies in {home.rejected}")
    if is_dropped(home, name):
        return Fault(f"{said} is in the spool and not accepted yet")
    short = len(name) < SHORTEST_PREFIX
    more = f" (of an id, give at least {SHORTEST_PREFIX} characters)" if short else ""
    return Fault(f"there is no job {said}{more}; `orchestrator status` lists them")


def is_dropped(home: Home, name: str) -> bool:
    """Whether a word is the id of something that was dropped; it may be claimed, but no job yet."""
    return is_id(name) and any(name in drop.name for drop in drops(home))


def drops(home: Home) -> list[Path]:
    """Return what waits to be accepted: in the spool, or claimed and without room in the queue."""
    claimed = home.claimed.iterdir() if home.claimed.exists() else ()
    return [drop for drop in (*home.spool.iterdir(), *claimed) if not drop.name.startswith(".")]


def full_disk(home: Home) -> str | None:
    """Say that the disk is full, and what comes of it; None when it is not."""
    room = room_at(home.root, 0)
    if not room.is_full:
        return None
    return (
        f"the disk is full ({amount(room.free)} are free): nothing is lost, what must be written"
        " waits, and goes on by itself when there is room"
    )


def daemon_of(home: Home) -> int | None:
    """Return the process id of the daemon that serves a home, None without one."""
    return lock.holder(home.lock)


def now_of(conn: Connection) -> Now:
    """Return what the daemon's clocks read now, seen from outside the daemon."""
    home = read_home(conn)
    return start_clock(read_anchor(0.0) if home is None else home.anchor)()
