"""What must hold of a disk after a power cut, before anything is started on it.

A restart can only make good what is there: whatever was told must be there in one of its forms.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.lifecycle import RunState
from orchestrator.daemon.fsck import inspect
from orchestrator.log.status import render
from orchestrator.spool import asked_id
from orchestrator.store import audit, look, migrate
from orchestrator.store.results import runs_in, verify
from orchestrator.store.sqlite import Connection, connect_reader, connect_writer
from tests.powercut.record import Told

UNDER_WAY = {RunState.SUBMITTING, RunState.UNKNOWN, RunState.RUNNING}
OVER = {RunState.HARVESTING, RunState.ENDED}


def broken_at_rest(home: Home, told: Told) -> Iterator[str]:
    """Yield everything that no restart could make good again, and every half result."""
    yield from half_results(home)
    with closing(_queue(home)) as conn:
        for found in inspect(home, conn, is_served=False):
            yield f"at rest: fsck: {found.check}: {found.text}"
        yield from _lost(home, conn, told)
        yield from _would_run_again(home, conn, told)
        history = {render(entry) for entry in look.history_after(conn, 0, -1)}
    for line in set(told.status) - history:
        yield f"at rest: the queue does not know what status.log told: {line}"


def half_results(home: Home) -> Iterator[str]:
    """Yield what is wrong with results that people can see, whatever the queue knows of them."""
    for job in home.results.glob("*-*"):
        for number in runs_in(job):
            for found in verify(job / str(number)):
                yield f"half a result is visible: {job.name}/{number}/{found.path} {found.text}"


def _queue(home: Home) -> Connection:
    """Open the queue; an empty one where no daemon has made its tables yet.

    A journal beside it is of the moment before it first was in WAL mode.
    """
    journal = home.database.with_name(f"{home.database.name}-journal")
    if home.database.exists() and not journal.exists():
        conn = connect_reader(home.database)
        if migrate.version(conn) > 0:
            return conn
        conn.close()
    empty = connect_writer(":memory:")
    migrate.migrate(empty, home.backups)
    return empty


def _lost(home: Home, conn: Connection, told: Told) -> Iterator[str]:
    claimed = {path.name for path in _entries(home.claimed) if any(path.iterdir())}
    dropped = {asked_id(path.name.encode()) for path in _entries(home.spool)}
    for id_ in told.ids - audit.drops(conn).keys() - claimed - dropped:
        yield f"at rest: lost: {id_} is neither in the spool, nor claimed, nor in the queue"
    for id_ in audit.ids(conn, "rejected") - claimed:
        if not any(home.rejected.glob(f"*-{id_}/dropped")):
            yield f"at rest: lost: what was rejected as {id_}"


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def _would_run_again(home: Home, conn: Connection, told: Told) -> Iterator[str]:
    """A run that was begun is known as such: to the queue, and to its folder while it lasts."""
    known = {f"{run.name} {run.number}": run for run in audit.runs(conn)}
    for line in told.ledger:
        run = known.get(line)
        if run is None or run.state not in UNDER_WAY | OVER:
            yield f"at rest: {line} was begun, and the queue would start it again"
        elif run.state in UNDER_WAY:
            folder = home.backend("local") / "runs" / run.key
            if not (folder / "started.json").exists() and not (folder / "exit.json").exists():
                yield f"at rest: {line} was begun, and its folder has no trace of it"
