"""The runs as this service keeps them: one row each, which a client cannot remove."""

import json
import uuid
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic.people import Person
from orchestrator.emulators.ground import Ground

# `drm` is the number that Slurm gave it; `status` is what was last told of it.
TABLES = (
    """runs (
        number INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, owner TEXT,
        entry TEXT NOT NULL, description TEXT, parent TEXT, depends TEXT NOT NULL DEFAULT '[]',
        dependency_type TEXT, created REAL NOT NULL, updated REAL NOT NULL, status TEXT NOT NULL,
        drm INTEGER, files TEXT NOT NULL DEFAULT '{}', parameters TEXT NOT NULL DEFAULT '[]',
        deleted INTEGER NOT NULL DEFAULT 0, address TEXT)""",
)


class Rows:
    """The rows of all accounts."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)

    def add(self, owner: Person | None, entry: str, status: str, parent: str | None = None) -> str:
        """Keep a new run; return its uuid."""
        id_, now = str(uuid.uuid4()), self._ground.clock.now()
        self._db.do(
            """INSERT INTO runs (uuid, owner, entry, parent, created, updated, status)
               VALUES (:id, :owner, :entry, :parent, :now, :now, :status)""",
            id=id_, owner=owner and owner.name, entry=entry, parent=parent, now=now,
            status=status,
        )  # fmt: skip
        return id_

    def change(self, id_: str, **values: Any) -> None:
        """Change columns of a row; lists and objects are kept as JSON."""
        values = {
            name: json.dumps(it) if isinstance(it, list | dict) else it
            for name, it in values.items()
        }
        change = ", ".join(f"{name} = :{name}" for name in values)
        sql = f"UPDATE runs SET {change}, updated = :now WHERE uuid = :id"  # noqa: S608 - names of columns
        self._db.do(sql, id=id_, now=self._ground.clock.now(), **values)

    def remove(self, id_: str) -> None:
        """Remove a row, as the service does where a submission is refused early enough."""
        self._db.do("DELETE FROM runs WHERE uuid = :id", id=id_)

    def get(self, id_: str) -> Row:
        """Return a row that is there."""
        row = self.find(id_)
        assert row is not None  # noqa: S101 - only a submission under way removes its own
        return row

    def find(self, id_: str) -> Row | None:
        """Return a row, if there is one."""
        return self._db.one("SELECT * FROM runs WHERE uuid = :id", id=id_)

    def all(self) -> list[Row]:
        """Return all rows, the newest first."""
        return self._db.all("SELECT * FROM runs ORDER BY number DESC")

    def below(self, id_: str) -> list[str]:
        """Return the uuids of a run's children, each followed by its own."""
        found = []
        for row in self._db.all("SELECT uuid FROM runs WHERE parent = :id", id=id_):
            found += [row["uuid"], *self.below(row["uuid"])]
        return found

    def ancestor(self, id_: str) -> str:
        """Return the first run of the line that a run stands in: it works in that one's folder."""
        while (row := self.find(id_)) is not None and row["parent"] is not None:
            id_ = row["parent"]
        return id_
