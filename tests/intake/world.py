"""A home with a spool, a queue in a real SQLite file, and a clock that stands until it is moved."""

import json
import os
import sqlite3
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import anyio
from anyio.to_thread import run_sync as run_in_thread
from pydantic import BaseModel

from orchestrator.config.home import Home
from orchestrator.core.faults import DiskFullError
from orchestrator.core.intake import NewJob, Rejection, Request
from orchestrator.document import read_spec
from orchestrator.intake import Intake, LeaseOf, Report
from orchestrator.spool import Rules, prepare

GOOD = b'run = { command = ["true"] }\n'
RULES = Rules(settle=2.0, most_files=50, deepest=4, largest_spec=4096, largest_folder=1 << 20)

T = TypeVar("T")

_SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS job (id TEXT PRIMARY KEY, name TEXT, text BLOB, told TEXT) STRICT;
CREATE TABLE IF NOT EXISTS request (id TEXT PRIMARY KEY, verb TEXT, job TEXT) STRICT;
CREATE TABLE IF NOT EXISTS rejection (id TEXT PRIMARY KEY, name TEXT, reason TEXT) STRICT;
"""


class RunTable(BaseModel, extra="forbid"):
    """The `[run]` table of the one kind of backend here."""

    command: list[str]


class SqlQueue:
    """The queue as intake needs it, in one file; `full` makes every write fail for lack of room."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.full = False
        self._in_turn: anyio.CapacityLimiter | None = None
        self._conn = sqlite3.connect(self.path, check_same_thread=False)
        for statement in _SCHEMA.split(";"):
            self._conn.execute(statement)

    def close(self) -> None:
        """Let go of the file."""
        self._conn.close()

    async def _run(self, function: Callable[..., T], *values: object) -> T:
        if self._in_turn is None:
            self._in_turn = anyio.CapacityLimiter(1)  # as on the one thread of the real queue
        return await run_in_thread(function, *values, limiter=self._in_turn)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Run one statement in one transaction."""
        with self._conn as conn:
            return conn.execute(sql, values).fetchall()

    def _write(self, sql: str, *values: object) -> bool:
        if self.full:
            raise DiskFullError("database or disk is full")
        with self._conn as conn:
            return conn.execute(sql, values).rowcount == 1

    async def known(self, ids: Collection[str]) -> set[str]:
        """Return those of the ids that are jobs."""
        rows = await self._run(self.rows, "SELECT id FROM job")
        return {str(ident) for (ident,) in rows} & set(ids)

    async def accept(self, job: NewJob) -> bool:
        """Take a job in, once."""
        told = json.dumps(
            {
                "file": job.file,
                "drop": job.drop,
                "uid": job.uid,
                "inputs": [asdict(each) for each in job.inputs],
                "lease": job.lease,
            }
        )
        insert = "INSERT OR IGNORE INTO job VALUES (?, ?, ?, ?)"
        return await self._run(self._write, insert, job.id, job.spec.name, job.text, told)

    async def has(self, word: str) -> bool:
        """Whether a job has this id or name."""
        find = "SELECT id FROM job WHERE id = ? OR name = ?"
        return bool(await self._run(self.rows, find, word, word))

    async def reject(self, rejection: Rejection) -> None:
        """Note a refusal, once."""
        insert = "INSERT OR IGNORE INTO rejection VALUES (?, ?, ?)"
        await self._run(self._write, insert, rejection.id, rejection.name, rejection.reason)

    async def apply(self, request: Request) -> str | None:
        """Note a request for a job that exists, once."""
        if not await self.has(request.job):
            return f"there is no job {request.job!r}"
        insert = "INSERT OR IGNORE INTO request VALUES (?, ?, ?)"
        await self._run(self._write, insert, request.id, request.verb, request.job)
        return None


class World:
    """Everything a test of intake needs, below one folder."""

    def __init__(self, root: Path, rules: Rules = RULES) -> None:
        self.home = Home(root)
        prepare(self.home)
        self.spool = self.home.spool
        self.now = 1000.0
        self.lacks: str | None = None
        self.lease_of: LeaseOf = lambda _: None
        self.queue = SqlQueue(self.home.database)
        self.intake = self.restarted(rules)

    def restarted(self, rules: Rules = RULES) -> Intake:
        """Return intake as a new process would begin it: it remembers nothing."""
        reader = partial(read_spec, kinds={"local": RunTable})
        self.intake = Intake(
            self.home,
            self.queue,
            reader,
            rules,
            lease_of=lambda spec: self.lease_of(spec),  # noqa: PLW0108 - a test may replace it
            clock=lambda: self.now,
            lacks=lambda: self.lacks,
        )
        return self.intake

    def write(self, name: str | bytes, data: bytes = GOOD) -> bytes:
        """Write something in place, as `cp` does; returns the path."""
        path = os.path.join(os.fsencode(self.spool), os.fsencode(name))  # noqa: PTH118 - any bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - any bytes
        with open(path, "wb") as file:  # noqa: PTH123 - any bytes
            file.write(data)
        return path

    async def scan(self) -> Report:
        """Scan once, at the present time."""
        return await self.intake.scan_once()

    async def settled(self, wait: float = 2.0) -> Report:
        """Scan, let the quiet period go by, scan again; returns what the second scan did."""
        await self.scan()
        self.now += wait
        return await self.scan()

    def jobs(self) -> list[tuple[Any, ...]]:
        """Return (id, name) of all jobs, as they came."""
        return self.queue.rows("SELECT id, name FROM job ORDER BY rowid")

    def told(self, ident: str) -> dict[str, Any]:
        """Return what the queue was told of a job."""
        ((text,),) = self.queue.rows("SELECT told FROM job WHERE id = ?", ident)
        answer: dict[str, Any] = json.loads(str(text))
        return answer

    def reason(self, ident: str) -> str:
        """Return what people are told of a rejection."""
        (path,) = self.home.rejected.glob(f"*-{ident}/reason.txt")
        return path.read_text()

    def dropped(self, ident: str) -> Path:
        """Return the one thing that lies beside a reason."""
        (path,) = self.home.rejected.glob(f"*-{ident}/dropped/*")
        return path

    def left(self) -> list[str]:
        """Return what still lies in the spool or is claimed."""
        claimed = [path.name for path in self.home.claimed.iterdir()]
        return [path.name for path in self.spool.iterdir()] + claimed
