"""Bring a queue of schema 1 to one beyond today's, in a process that is killed on the way.

Run as `python -m tests.store.migrating FOLDER [builtin]`. Imports little: it is started often.
"""

import sys
from contextlib import closing
from pathlib import Path

if sys.argv[2:] == ["builtin"]:
    sys.modules["pysqlite3"] = None  # type: ignore[assignment]  # what makes an import fail

from orchestrator.store import migrate
from orchestrator.store.sqlite import connect_writer

NEXT = """
CREATE TABLE one (a TEXT NOT NULL) STRICT;;
INSERT INTO one SELECT id FROM request;;
ALTER TABLE one ADD COLUMN b TEXT;;
UPDATE one SET b = a || '!';;
"""
STEPS = [*migrate.steps(), NEXT]
"""The real ones, and one that is yet to come, so that there is always more than one to take."""


def bring_up_to_date(folder: Path, steps: int = len(STEPS)) -> None:
    """Migrate the queue in this folder to so many steps."""
    with closing(connect_writer(folder / "queue.db")) as conn:
        migrate.migrate(conn, folder / "backups", STEPS[:steps])


if __name__ == "__main__":
    bring_up_to_date(Path(sys.argv[1]))
