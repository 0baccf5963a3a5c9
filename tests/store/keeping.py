"""Keep a queue of today's schema for the day when there is a newer one, and bring one back.

`python -m tests.store.keeping > tests/store/schema-N.sql`, run before step N + 1 is written: the
file then holds a queue that the program of schema N itself made, with a job in every situation.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from orchestrator.core.intake import Input, Rejection
from orchestrator.store import entrance, migrate
from orchestrator.store.home import Anchor, found_home
from orchestrator.store.sqlite import Connection, connect_writer, engine
from tests.store.making import SITUATIONS, START, new_id, new_job, open_queue, situate

HOME_ID = "oldhome0"
ANCHOR = Anchor(steady=1000.0, boot_seconds=500.0, boot_id="another boot", wall=START.wall)


def fill(conn: Connection) -> None:
    """Bring one job into every situation there is, and a drop to its rejection."""
    found_home(conn, HOME_ID, ANCHOR)
    for number, situation in enumerate(["queued", "queued, held", *SITUATIONS], start=1):
        situate(conn, situation, number)
    mesh = Input("mesh.dat", "mesh.dat", size=5, mtime_ns=7, taken=True)
    entrance.accept(conn, new_job(100, "with-input", mesh), START)
    entrance.reject(conn, Rejection(new_id(101), "bad.toml", "is no job file"), START)


def dump(path: Path) -> str:
    """Return the whole database as SQL."""
    with closing(sqlite3.connect(path)) as conn:  # which can do this; pysqlite3 cannot
        lines = [f"PRAGMA application_id = {migrate.APPLICATION_ID};"]
        lines.append(f"PRAGMA user_version = {len(migrate.steps())};")
        return "\n".join([*lines, *conn.iterdump(), ""])


def bring_back(schema: int, path: Path) -> None:
    """Make the queue of an old schema that was kept, as its program left it: in WAL mode."""
    with closing(engine.connect(path, isolation_level=None)) as conn:
        run_script(conn, schema)
    with closing(connect_writer(path)):
        pass


def run_script(conn: Connection, schema: int) -> None:
    """Fill a new database with what was kept."""
    text = Path(__file__).with_name(f"schema-{schema}.sql").read_text("utf-8")
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if engine.complete_statement(statement):
            conn.execute(statement)
            statement = ""


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        with closing(open_queue(Path(folder))) as queue:
            fill(queue)
        sys.stdout.write(dump(Path(folder) / "queue.db"))
