"""Slurm as the service sees it: jobs by numbers, which it forgets some time after their end."""

import json
from collections.abc import Mapping
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic.dialects import DONE, FAILED, QUEUED, RUNNING
from orchestrator.emulators.ground import Ground

# One row for each element of an array; the one of any other job has the number 0.
TABLES = (
    """jobs (
        job INTEGER NOT NULL, element INTEGER NOT NULL, run TEXT NOT NULL, folder TEXT NOT NULL,
        command TEXT NOT NULL, words TEXT NOT NULL, account TEXT NOT NULL, cpus INTEGER NOT NULL,
        time_limit REAL NOT NULL, after TEXT NOT NULL, how TEXT NOT NULL, tag TEXT NOT NULL,
        state TEXT NOT NULL, begun REAL, ended REAL, PRIMARY KEY (job, element))""",
)
PENDING, ACTIVE = "PENDING", "RUNNING"
COMPLETED, BROKEN, CANCELLED, TIMEOUT = "COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"
CPUS = 64  # of the one node: a job that wants more waits for ever
UNKNOWN = "job is being thought about"  # said by no service, where a fault wants that
Key = tuple[int, int]


class Slurm:
    """The controller. What really happens to jobs is the node's business."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)

    def submit(self, wish: Mapping[str, Any], last: int | None) -> int:
        """Take a job, an array if it has a last element; return its number."""
        row = self._db.one("SELECT coalesce(max(job), 0) + 1 AS next FROM jobs")
        assert row is not None  # noqa: S101 - an aggregate has always a row
        with self._db.together():
            for element in [0] if last is None else range(1, last + 1):
                self._db.do(
                    """INSERT INTO jobs VALUES (:job, :element, :run, :folder, :command, :words,
                       :account, :cpus, :limit, :after, :how, :tag, 'PENDING', NULL, NULL)""",
                    job=row["next"], element=element, **wish,
                )  # fmt: skip
            self._ground.note_start(wish["run"], [wish["tag"]])
        return int(row["next"])

    def elements(self, job: int) -> list[Row]:
        """Return the elements of a job in their order."""
        return self._db.all("SELECT * FROM jobs WHERE job = :job ORDER BY element", job=job)

    def get(self, key: Key) -> Row:
        """Return one element."""
        sql = "SELECT * FROM jobs WHERE job = :job AND element = :element"
        row = self._db.one(sql, job=key[0], element=key[1])
        assert row is not None  # noqa: S101 - jobs are never removed
        return row

    def unfinished(self) -> list[Key]:
        """Return the elements that have not ended."""
        rows = self._db.all("SELECT job, element FROM jobs WHERE ended IS NULL")
        return [(row["job"], row["element"]) for row in rows]

    def begin(self, key: Key) -> None:
        """Note that an element runs, unless that was noted before."""
        if self.get(key)["begun"] is not None:
            return
        self._change(key, f"state = '{ACTIVE}', begun = :now")

    def end(self, key: Key, state: str) -> None:
        """Note how an element ended, unless it has ended already."""
        self._change(key, "state = :state, ended = :now", state=state)

    def told(self, job: int, where: str) -> str:
        """Return the sentence for a job: that of its last element, whatever became of the others.

        A job that was forgotten is taken for a good one; if accounting does not answer, every
        job that has ended is taken for a failed one.
        """
        last, now = self.elements(job)[-1], self._ground.clock.now()
        if last["ended"] is None:
            if (odd := self._ground.faults.strike("odd-status", where)) is not None:
                return odd
            return QUEUED if last["state"] == PENDING else RUNNING
        if self._ground.faults.strike("accounting-down", where) is not None:
            return FAILED
        if now - last["ended"] >= self._ground.dials["min-job-age"]:
            return DONE
        return DONE if last["state"] == COMPLETED else FAILED

    def may_begin(self, row: Row) -> bool | None:
        """Return whether a job may begin; None: it never may."""
        if row["cpus"] > CPUS:
            return None
        before = [it for job in json.loads(row["after"]) for it in self.elements(job)]
        if any(it["ended"] is None for it in before):
            return False
        good = [it["state"] == COMPLETED for it in before]
        wanted = {"afterok": all(good), "afternotok": not all(good) or not good}
        return wanted.get(row["how"], True) or None

    def jobs(self) -> list[dict[str, Any]]:
        """Return what tests are told: every element and what became of it."""
        names = ("job", "element", "run", "tag", "state")
        rows = self._db.all("SELECT * FROM jobs ORDER BY job, element")
        return [{name: row[name] for name in names} for row in rows]

    def _change(self, key: Key, change: str, **values: Any) -> None:
        sql = f"UPDATE jobs SET {change} WHERE job = :job AND element = :element AND ended IS NULL"  # noqa: S608 - constants of this file
        now = self._ground.clock.now()
        self._db.do(sql, job=key[0], element=key[1], now=now, **values)
