"""The queue of a home, filled as the daemon fills it, and the type of a run program."""

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from orchestrator.config.home import Home
from orchestrator.core.ids import id_from_bits, key_of
from orchestrator.core.intake import Input, NewJob, Rejection, Request, Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec
from orchestrator.core.work import Change
from orchestrator.store import entrance, look, results, runs
from orchestrator.store.results import EndedRun, Item
from orchestrator.store.sqlite import Connection

ROOT = Path(__file__).parents[2]
WALL = 1_790_000_000.0  # 2026-09-21 14:13:20 UTC
HOME_ID = "testhome"
SPEC = {"name": "beam", "run": {"command": ["true"]}}

Answer = subprocess.CompletedProcess[str]
Run = Callable[..., Answer]
Start = Callable[..., subprocess.Popen[str]]


class Bench:
    """The queue of a home, written as the daemon writes it; ids and times are chosen here."""

    def __init__(self, home: Home, conn: Connection) -> None:
        self.home = home
        self.conn = conn
        self.now = Now(1000.0, WALL)
        self._ids = 0

    def id(self) -> str:
        """Return a new id; the first characters of two of them differ."""
        self._ids += 1
        return id_from_bits((self._ids << 50) + self._ids)

    def job(
        self,
        id_: str | None = None,
        /,
        drop: str | None = None,
        lease: str | None = None,
        **spec: Any,
    ) -> str:
        """Accept a job, its drop archived; return its id."""
        id_ = id_ or self.id()
        checked = JobSpec.model_validate_json(json.dumps(SPEC | spec))
        drop = drop or f"{checked.name}.toml"
        text = b"[run]\ncommand = ['true']\n"
        folder = self.home.archive / id_
        folder.mkdir()
        (folder / drop).write_bytes(text)
        new = NewJob(id_, checked, text, "job.toml", drop, os.getuid(), (), lease)
        assert entrance.accept(self.conn, new, self.now)
        return id_

    def job_with_input(self, name: str = "mesh.dat", data: bytes = b"nodes") -> tuple[str, Path]:
        """Accept a dropped folder with one input file; return the job and where the file is."""
        id_ = self.id()
        folder = self.home.archive / id_ / "case"
        folder.mkdir(parents=True)
        (folder / name).write_bytes(data)
        status = (folder / name).stat()
        spec = JobSpec.model_validate_json(json.dumps(SPEC))
        taken = Input(name, name, status.st_size, status.st_mtime_ns, taken=True)
        new = NewJob(id_, spec, b"[run]\n", "job.toml", "case", os.getuid(), (taken,))
        assert entrance.accept(self.conn, new, self.now)
        return id_, folder / name

    def start(self, job: str) -> str:
        """Give the job its next run; return the run's id."""
        run = self.id()
        assert runs.start(self.conn, job, run, key_of(HOME_ID, run), self.now)
        return run

    def move(self, run: str, event: Event, reason: str = "", **change: Any) -> None:
        """Let something happen to a run."""
        work = look.work(self.conn, run)
        manifest = change.pop("manifest_sha256", None)
        due = change.pop("due", self.now.steady)
        asked = Change(event=event, reason=reason or str(event), due=due, **change)
        runs.move(self.conn, work, asked, self.now, manifest_sha256=manifest)

    def running(self, job: str, remote_id: str | None = None) -> str:
        """Bring a job to RUNNING; return its run."""
        run = self.start(job)
        self.move(run, Event.STAGED)
        started = self.now.steady
        self.move(run, Event.ACCEPTED, remote_id=remote_id or f"r-{run}", started=started)
        return run

    def finish(
        self, job: str, outcome: Outcome = Outcome.SUCCEEDED, state: JobState | None = None
    ) -> Path:
        """Run a job to its end with real results; return the folder of the run."""
        run = self.running(job)
        self.move(run, Event.FINISHED, f"ended: {outcome}", outcome=outcome, exit_code=3)
        work = look.work(self.conn, run)
        folder = results.begin(self.home, work.key)
        (folder / "outputs").mkdir()
        (folder / "outputs" / "out.dat").write_bytes(b"42\n")
        digest = hashlib.sha256(b"42\n").hexdigest()
        ended = EndedRun(
            key=work.key,
            job_id=job,
            job_name=work.name,
            number=work.number,
            backend=work.backend,
            remote_id=work.remote_id,
            outcome=outcome,
            exit_code=3,
            reason=work.reason,
        )
        items = [Item("outputs/out.dat", "out.dat", 3, digest, "size")]
        text, _, history = look.papers(self.conn, job)
        published = results.publish(
            self.home, ended, items, spec=text, spec_suffix=".toml", history=history
        )
        final = state or (JobState.SUCCEEDED if outcome is Outcome.SUCCEEDED else JobState.FAILED)
        manifest = published.manifest_sha256
        self.move(run, Event.PUBLISHED, work.reason, job=final, manifest_sha256=manifest)
        return self.home.results / results.folder_of(work.name, job) / str(work.number)

    def ask(self, verb: Verb, job: str, **more: Any) -> str | None:
        """Carry out a request."""
        return self.ask_as(self.id(), verb, job, **more)

    def ask_as(self, id_: str, verb: Verb, job: str, **more: Any) -> str | None:
        """Carry out a request that has an id."""
        return entrance.apply(self.conn, Request(id_, verb, job, **more), self.now)

    def reject(self, name: str, reason: str) -> str:
        """Note a drop that was rejected; return its id."""
        id_ = self.id()
        entrance.reject(self.conn, Rejection(id_, name, reason), self.now)
        return id_

    def execute(self, sql: str) -> None:
        """Do to the database what no code of ours would, its triggers and checks set aside."""
        self.conn.execute("PRAGMA ignore_check_constraints = ON")
        self.conn.execute("PRAGMA foreign_keys = OFF")
        triggers = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        for row in self.conn.execute(triggers).fetchall():
            self.conn.execute(f"DROP TRIGGER {row['name']}")
        self.conn.execute(sql)
