"""The studies: what they are called, the values of their variables, and who has which right."""

import json
from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades.catalogue import ALL_TYPES, COUPLED, PROCESSES, SELLAR, SLOW
from orchestrator.emulators.sostrades.processes import Process, Variable, below

TABLES = (
    """studies (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, process TEXT NOT NULL,
        created TEXT NOT NULL, modified TEXT NOT NULL, execution INTEGER, data TEXT NOT NULL)""",
    "rights (study INTEGER PRIMARY KEY, level INTEGER NOT NULL)",  # those of the user
)
FIRST = (SLOW, COUPLED, SELLAR, ALL_TYPES)
Values = dict[str, Any]


class Right(IntEnum):
    """What somebody may do with a study; each may do what those before it may."""

    RESTRICTED_VIEWER = 1
    COMMENTER = 2
    CONTRIBUTOR = 3
    MANAGER = 4


GRANTED = ((1, Right.CONTRIBUTOR), (2, Right.COMMENTER), (3, Right.RESTRICTED_VIEWER))


class Studies:
    """All studies. Names of variables are those below the study."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)
        there = len(self.all())
        with self._db.together():
            for number in range(there, int(ground.dials["studies"])):
                process = FIRST[number] if number < len(FIRST) else (SLOW, SELLAR)[number % 2]
                name = process.study if 0 < number < len(FIRST) else f"{process.study}{number + 1}"
                self.add(process, name)
            for study, level in () if there else GRANTED:
                self.grant(study, level)

    def add(self, process: Process, name: str, values: Mapping[str, Any] | None = None) -> int:
        """Make a study; return its number."""
        if values is None:
            values = {below(it.path, var.name): var.value for it, var in process.variables()}
        now = f"{self._ground.clock.date():%Y-%m-%d %H:%M:%S}"
        self._db.do(
            """INSERT INTO studies (name, process, created, modified, data)
               VALUES (:name, :process, :now, :now, :data)""",
            name=name, process=process.name, now=now, data=json.dumps(values),
        )  # fmt: skip
        row = self._db.one("SELECT last_insert_rowid() AS id")
        assert row is not None  # noqa: S101 - that has always a row
        return int(row["id"])

    def all(self) -> list[Row]:
        """Return all studies."""
        return self._db.all("SELECT * FROM studies ORDER BY id")

    def find(self, study: int) -> Row | None:
        """Return a study, or None."""
        return self._db.one("SELECT * FROM studies WHERE id = :study", study=study)

    def get(self, study: int) -> Row:
        """Return a study that is there."""
        row = self.find(study)
        assert row is not None  # noqa: S101 - studies are never removed
        return row

    def values(self, study: int) -> Values:
        """Return the values of all variables."""
        found: Values = json.loads(self.get(study)["data"])
        return found

    def write(self, study: int, changes: Mapping[str, Any]) -> None:
        """Change values."""
        data = json.dumps(self.values(study) | dict(changes))
        self._db.do("UPDATE studies SET data = :data WHERE id = :study", data=data, study=study)

    def touch(self, study: int) -> tuple[str, str]:
        """Note that a study was changed; return when that was before, and when it is now."""
        now = f"{self._ground.clock.date():%Y-%m-%d %H:%M:%S.%f}"
        before = self.get(study)["modified"]
        self._db.do("UPDATE studies SET modified = :now WHERE id = :study", now=now, study=study)
        return before, now

    def executed_by(self, study: int, execution: int) -> None:
        """Note which execution is a study's current one."""
        sql = "UPDATE studies SET execution = :execution WHERE id = :study"
        self._db.do(sql, execution=execution, study=study)

    def right(self, study: int) -> int:
        """Return the right of the user; 0: none."""
        row = self._db.one("SELECT level FROM rights WHERE study = :study", study=study)
        return 0 if row is None else int(row["level"])

    def grant(self, study: int, level: int) -> None:
        """Give the user a right, or take all with 0."""
        self._db.do(
            "INSERT OR REPLACE INTO rights VALUES (:study, :level)", study=study, level=level
        )


def process_of(row: Row) -> Process:
    """Return the process of a study."""
    return PROCESSES[row["process"]]


def short(row: Row, variable: str) -> str | None:
    """Return the name of a variable below its study; None: the study has no such variable."""
    start, _, name = variable.partition(f"{row['name']}.")
    found = None if start or not name else process_of(row).find(name)
    return None if found is None else name


def inputs(process: Process, values: Mapping[str, Any]) -> Iterable[tuple[str, Variable, Any]]:
    """Yield the inputs of a study: name, variable and value."""
    for discipline, variable in process.variables():
        if not variable.output:
            name = below(discipline.path, variable.name)
            yield name, variable, values[name]
