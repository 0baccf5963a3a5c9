"""The real daemon on a disk or under a clock of its own, and the questions tests ask about it."""

import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 90.0  # seconds, generous: a condition that never comes is a failure, not a delay
LOOK_EVERY = 0.02

CONFIG = """
[spool]
settle = "50ms"
[results]
keep_free = {keep_free}
[log]
level = "info"
[backends.local]
kind = "local"
max_runs = 4
"""


@dataclass
class Service:
    """One home and the daemon that serves it. `beside` is a folder on a disk that is never full."""

    home: Path
    beside: Path
    program: list[str]
    environment: Mapping[str, str]
    wrapper: list[str] = field(default_factory=list)
    daemon: subprocess.Popen[bytes] | None = None

    @property
    def ledger(self) -> Path:
        """Where each run leaves one line."""
        return self.beside / "ledger"

    @property
    def said(self) -> str:
        """Return what the daemons have said on stderr."""
        return (self.beside / "serve.log").read_text()

    def init(self, keep_free: int = 0, config: str = "") -> None:
        """Make the home."""
        done = self.ask("init")
        assert done.returncode == 0, done.stderr
        (self.home / "orchestrator.toml").write_text(CONFIG.format(keep_free=keep_free) + config)
        self.ledger.touch()

    def ask(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run one command to its end."""
        return subprocess.run(
            [*self.program, "--home", str(self.home), *map(str, words)],
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Start the daemon; what it says goes to the folder beside."""
        command = [*self.wrapper, *self.program, "--home", str(self.home), "serve", *options]
        with (self.beside / "serve.log").open("ab") as log:
            self.daemon = subprocess.Popen(
                command, env=dict(self.environment), stdout=log, stderr=log
            )
        return self.daemon

    def serve(self, *options: str) -> None:
        """Start the daemon and wait until it is ready."""
        before = self.said.count(" ready ") if (self.beside / "serve.log").exists() else 0
        self.start(*options)
        self.until(lambda: self.said.count(" ready ") > before, "the daemon to be ready")

    def stop(self) -> int:
        """End the daemon in order; return its exit code."""
        assert self.daemon is not None
        self.daemon.terminate()
        return self.daemon.wait(PATIENCE)

    def kill(self) -> None:
        """End the daemon as a crash does."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait()

    def finish(self) -> int:
        """Serve until nothing can move; return the exit code."""
        return self.start("--until-idle").wait(PATIENCE)

    def until(self, holds: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Wait for a condition; the daemon must live meanwhile."""
        end = time.monotonic() + patience
        while True:
            alive = self.daemon is None or self.daemon.poll() is None  # when we looked, it may end
            if holds():
                return
            assert alive, f"the daemon ended while waiting for {what}:\n{self.said[-3000:]}"
            assert time.monotonic() < end, f"no sign of {what}:\n{self._standing()}"
            time.sleep(LOOK_EVERY)  # between two looks, not instead of one

    def _standing(self) -> str:
        """Return how everything stands, for a test that fails."""
        jobs = self.rows("SELECT name, shown, reason, hold_reason FROM job")
        waiting = [*self.home.glob("spool/*"), *self.home.glob("state/claimed/*/*")]
        return f"{jobs}\n{self.troubles()}\n{waiting}\n{self.said[-3000:]}"

    def until_shown(self, name: str, word: str, patience: float = PATIENCE) -> None:
        """Wait until people see a job so."""
        self.until(lambda: self.shown(name) == word, f"{name}: {word}", patience)

    def heard(self, words: str) -> None:
        """Wait until the daemon has said this."""
        self.until(lambda: words in self.said, repr(words))

    def drop(self, name: str, script: str, more: str = "") -> None:
        """Make a job folder with one input beside, and move it in: that takes no room."""
        made = self.home.parent / f"{name}.made"
        made.mkdir()
        self.write_job(made, name, script, more)
        made.rename(self.home / "spool" / name)

    def write_job(self, folder: Path, name: str, script: str, more: str = "") -> None:
        """Write a job that leaves one line in the ledger and then does what `script` says."""
        note = f"echo {name} >> {self.ledger}"
        spec = f"name = '{name}'\n{more}\n[run]\nscript = '''\n{note}\n{script}\n'''\n"
        (folder / "job.toml").write_text(spec)
        (folder / "mesh.inp").write_bytes(bytes(range(256)) * 64)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the queue, as a reader."""
        path = self.home / "state/queue.db"
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as conn:
            return conn.execute(sql).fetchall()

    def shown(self, name: str) -> str | None:
        """Return the state a job is shown in, None before it is one."""
        rows = self.rows(f"SELECT shown FROM job WHERE name = '{name}'")  # noqa: S608 - our own name
        return rows[0][0] if rows else None

    def troubles(self) -> list[str]:
        """Return what live runs say went wrong last."""
        sql = "SELECT last_error FROM run WHERE state != 'ended' AND last_error IS NOT NULL"
        return [text for (text,) in self.rows(sql)]

    def explained(self, name: str) -> str:
        """Return what `explain` says."""
        done = self.ask("explain", name)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def doctor(self) -> dict[str, str]:
        """Return what `doctor` says: subject to level and text."""
        lines = json.loads(self.ask("doctor", "--json").stdout)
        return {line["subject"]: f"{line['level']}: {line['text']}" for line in lines}

    def assert_sound(self, *names: str) -> None:
        """Nothing is lost, nothing ran twice, and everything that is stored agrees."""
        assert sorted(self.ledger.read_text().split()) == sorted(names)
        for check in (["fsck"], ["verify", "--all"]):
            done = self.ask(*check)
            assert done.returncode == 0, (check, done.stdout, done.stderr)
        entries = [str(seq) for (seq,) in self.rows("SELECT seq FROM history ORDER BY seq")]
        logged = (self.home / "log/status.log").read_text("utf-8").splitlines()
        assert [line.rpartition("#")[2] for line in logged] == entries

    def pids(self) -> list[int]:
        """Return the processes that belong to this home: daemons, supervisors, and their runs."""
        return [pid for pid in _processes() if _belongs(pid, os.fsencode(self.home))]

    def pids_in_runs(self) -> list[int]:
        """Return the processes of runs: they carry the key of one."""
        return [pid for pid in self.pids() if b"ORCHESTRATOR_JOB=" in _read(pid, "environ")]

    def end_processes(self) -> None:
        """Kill all of them, and wait until they are gone."""
        for pid in self.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.daemon is not None:
            self.daemon.wait()
        end = time.monotonic() + PATIENCE
        while self.pids() and time.monotonic() < end:
            time.sleep(LOOK_EVERY)


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _belongs(pid: int, home: bytes) -> bool:
    """Whether a process, not this one, was started with the home or works in it."""
    if pid == os.getpid():
        return False
    try:
        works_in = os.fsencode(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        works_in = b""
    return home in _read(pid, "cmdline") or works_in.startswith(home)


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
