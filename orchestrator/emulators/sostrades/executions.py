"""Executions of studies: numbered over all studies, each with a status and a log."""

import os
from pathlib import Path
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades.processes import below
from orchestrator.emulators.sostrades.studies import Studies, process_of

TABLES = (
    """executions (
        id INTEGER PRIMARY KEY AUTOINCREMENT, study INTEGER NOT NULL, status TEXT NOT NULL,
        due REAL NOT NULL, stage TEXT NOT NULL, cpu TEXT NOT NULL, memory TEXT NOT NULL)""",
)
PENDING, POD_PENDING, RUNNING = "PENDING", "POD PENDING", "RUNNING"
FINISHED, FAILED, STOPPED = "FINISHED", "FAILED", "STOPPED"
POD_ERROR, NOT_EXECUTED = "POD ERROR", "NOT EXECUTED"
BUSY = (PENDING, POD_PENDING, RUNNING)
WAITING, WORKING, OVER = "waiting", "working", "over"  # stages: what is really going on
UNKNOWN = "----"


class Executions:
    """What is known of executions. The conductor says what becomes of them."""

    def __init__(self, ground: Ground, studies: Studies) -> None:
        self._ground, self._db, self._studies = ground, ground.db, studies
        self._logs = ground.root.resolve() / "logs"
        self._logs.mkdir(exist_ok=True)
        self._db.make(TABLES)

    def add(self, study: int, wait: float, status: str = PENDING) -> int:
        """Make an execution the current one of its study; return its number.

        Its log is empty, or comes with its pod.
        """
        due = self._ground.clock.now() + wait
        with self._db.together():
            self._db.do(
                """INSERT INTO executions (study, status, due, stage, cpu, memory)
                   VALUES (:study, :status, :due, :stage, :unknown, :unknown)""",
                study=study, status=status, due=due, stage=WAITING, unknown=UNKNOWN,
            )  # fmt: skip
            row = self._db.one("SELECT last_insert_rowid() AS id")
            assert row is not None  # noqa: S101 - that has always a row
            number = int(row["id"])
            self._studies.executed_by(study, number)
            self._ground.note_start(self.name(number), [f"study {study};"])
        if status == PENDING:
            self.log(study, number).touch()
        return number

    def get(self, number: int) -> Row:
        """Return an execution."""
        row = self._db.one("SELECT * FROM executions WHERE id = :number", number=number)
        assert row is not None  # noqa: S101 - executions are never removed
        return row

    def name(self, number: int) -> str:
        """Return what tests call an execution: by its study and number."""
        return f"{self.get(number)['study']}/{number}"

    def current(self, study: int) -> Row | None:
        """Return the current execution of a study; None: it was never executed."""
        number = self._studies.get(study)["execution"]
        return None if number is None else self.get(number)

    def status(self, study: int) -> str:
        """Return the status of a study."""
        row = self.current(study)
        return "" if row is None else str(row["status"])

    def set_status(self, study: int, status: str) -> None:
        """Change the status of a study, if it was ever executed."""
        row = self.current(study)
        if row is not None:
            self.change(row["id"], status=status)

    def change(self, number: int, **columns: Any) -> None:
        """Change columns of an execution."""
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        self._db.do(f"UPDATE executions SET {sets} WHERE id = :number", number=number, **columns)  # noqa: S608 - names out of this package

    def unfinished(self) -> list[int]:
        """Return the executions of which something still goes on."""
        rows = self._db.all("SELECT id FROM executions WHERE stage != :over", over=OVER)
        return [int(row["id"]) for row in rows]

    def all(self) -> list[dict[str, Any]]:
        """Return what tests are told of executions."""
        rows = self._db.all("SELECT id, study, status, stage FROM executions ORDER BY id")
        return [dict(row) for row in rows]

    def log(self, study: int, number: int | None) -> Path:
        """Return the path of a log, whose name tells the number of the execution."""
        return self._logs / f"sc{study}-sce{number}-execution.log"

    def told(self, study: int) -> dict[str, Any]:
        """Return the record of a study's status."""
        row, study_row = self.current(study), self._studies.get(study)
        begun = row is not None and row["cpu"] != UNKNOWN
        paths = [it.path for it in process_of(study_row).disciplines] if begun else []
        return {
            "study_case_id": study,
            "disciplines_status": {below(study_row["name"], path): PENDING for path in paths},
            "study_case_execution_status": "" if row is None else row["status"],
            "study_case_execution_error_message": "",
            "study_case_execution_cpu": UNKNOWN if row is None else row["cpu"],
            "study_case_execution_memory": UNKNOWN if row is None else row["memory"],
        }


def usage() -> dict[str, str]:
    """Return what the host's processors and memory are at, which says nothing of a run."""
    cores = os.cpu_count() or 1
    page, whole, free = (
        os.sysconf(f"SC_{it}") for it in ("PAGE_SIZE", "PHYS_PAGES", "AVPHYS_PAGES")
    )
    used, total = ((it * page) / (1 << 30) for it in (whole - free, whole))
    return {
        "cpu": f"{min(os.getloadavg()[0], cores):.1f}/{cores}",
        "memory": f"{used:.2f}/{total:.2f} [GB]",
    }
