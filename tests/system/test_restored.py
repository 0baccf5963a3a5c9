"""The restore drill: a queue is backed up, the world goes on, the queue is ruined and restored."""

import json
import os
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.leftovers import end_processes_in, remove
from orchestrator.store.sqlite import engine
from tests.warm import Child, Warm

# Each run leaves one line in one file: two equal lines would be one run done twice. A job whose
# name begins with "gated" waits until the test opens its gate.
SPEC = """
{retry}
[run]
script = '''
echo "$ORCHESTRATOR_JOB_NAME $ORCHESTRATOR_RUN" >> {folder}/ledger
case $ORCHESTRATOR_JOB_NAME in gated*) read go < {folder}/$ORCHESTRATOR_JOB_NAME ;; esac
echo "$ORCHESTRATOR_JOB_NAME" > answer.txt
[ "$ORCHESTRATOR_JOB_NAME $ORCHESTRATOR_RUN" != "twice 1" ]
'''
"""
ENDED = ("done", "gated-long", "next", "twice", "late")
TWICE = "retry = { attempts = 2, delay = '10 h' }"


class Drill:
    """One home, and everything that is done with it."""

    def __init__(self, folder: Path, warm: Warm, environment: dict[str, str]) -> None:
        self.folder, self.home, self.warm = folder, folder / "home", warm
        self.env = environment | {"ORCHESTRATOR_HOME": str(self.home)}
        self.daemon: Child | None = None

    def run(self, *arguments: str | Path, code: int = 0) -> str:
        """Run a command to its end, which must come with this exit code; return what it prints."""
        done = self.warm.run([*map(str, arguments)], self.env)
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def serve(self) -> None:
        """Start the daemon."""
        with (self.folder / "serve.log").open("ab") as log:
            self.daemon = self.warm.start(["serve"], self.env, log.fileno(), log.fileno())

    def kill(self) -> None:
        """Kill the daemon; what it had started goes on."""
        assert self.daemon is not None
        self.daemon.kill()
        self.daemon.wait()

    def drop(self, name: str, retry: str = "") -> None:
        """Put a job into the spool."""
        if name.startswith("gated"):
            os.mkfifo(self.folder / name)
        hidden = self.home / "spool" / f".{name}"
        hidden.write_text(SPEC.format(folder=self.folder, retry=retry))
        hidden.rename(self.home / "spool" / f"{name}.toml")

    def open_gate(self, name: str) -> None:
        """Let a gated run end; waits until it has come to its gate."""
        (self.folder / name).write_text("go\n")

    def wait(self, *patterns: str) -> None:
        """Wait until status.log has had a line for each pattern."""
        missing = [re.compile(pattern) for pattern in patterns]
        reader, writer = os.pipe()
        follow = self.warm.start(["tail", "-f", "-n", "1000"], self.env, writer, 2)
        os.close(writer)
        with open(reader, encoding="utf-8") as told:  # noqa: PTH123 - a pipe has no path
            for line in told:
                missing = [pattern for pattern in missing if not pattern.search(line)]
                if not missing:
                    break
        follow.kill()
        follow.wait()

    def shown(self) -> dict[str, str]:
        """Return how each job stands."""
        jobs = json.loads(self.run("status", "--all", "--json"))["jobs"]
        return {job["name"]: job["shown"] for job in jobs}

    def restore(self, copy: Path) -> dict[str, Any]:
        """Restore a copy; return what is said of it."""
        told: dict[str, Any] = json.loads(self.run("restore", "--json", copy))
        return told


@pytest.fixture
def drill(tmp_path: Path, warm: Warm, environment: dict[str, str]) -> Iterator[Drill]:
    """Return a home for three runs at once; at the end nothing of it is left running."""
    drill = Drill(tmp_path, warm, environment)
    drill.run("init")
    (drill.home / "orchestrator.toml").write_text(
        "[backends.local]\nkind = 'local'\nmax_runs = 3\n"
    )
    yield drill
    if drill.daemon is not None:
        drill.kill()
    end_processes_in(drill.home)


def went_on(drill: Drill) -> Path:
    """Bring jobs into every state, back up, and let all of them go on; return the copy."""
    drill.serve()
    drill.drop("done")
    drill.drop("twice", TWICE)
    drill.wait(r" done .*→ SUCCEEDED", r" twice .*→ WAITING")
    for name in ("gated-long", "gated-alive", "gated-removed"):
        drill.drop(name)
        drill.wait(rf" {name} .*→ RUNNING")
    for name in ("next", "cancelled", "kept"):  # there is no room for them
        drill.drop(name)
        drill.wait(rf" {name} .*→ QUEUED")
    drill.run("hold", "kept")
    drill.run("cancel", "cancelled")
    drill.run("backup", "--to", drill.folder / "copy.db")
    for name in ("gated-long", "gated-removed"):
        drill.open_gate(name)
    drill.run("retry", "twice")
    ended = ("gated-long", "gated-removed", "next", "twice")
    drill.wait(*(rf" {name} .*→ SUCCEEDED" for name in ended))
    drill.drop("late")
    (drill.home / "spool" / "bad.toml").write_text("nonsense = 1\n")
    drill.wait(r" late .*→ SUCCEEDED", r" bad.toml .*→ REJECTED")
    for name in ("gated-unknown", "gated-room", "waiting"):
        drill.drop(name)
        drill.wait(rf" {name} .*→ {'RUNNING' if 'gated' in name else 'QUEUED'}")
    return drill.folder / "copy.db"


def as_if_submitting(copy: Path, name: str) -> None:
    """Change a copy to one that was made while a run was being submitted."""
    with closing(engine.connect(copy, isolation_level=None)) as conn:
        of_run = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'run'"
        triggers = conn.execute(of_run).fetchall()
        for trigger, _ in triggers:
            conn.execute(f"DROP TRIGGER {trigger}")
        conn.execute(
            "UPDATE run SET state = 'submitting', remote_id = NULL"
            " WHERE job = (SELECT id FROM job WHERE name = ?)",
            (name,),
        )
        for _, sql in triggers:
            conn.execute(sql)


def remove_results(home: Path, name: str) -> None:
    """Remove a job's results, as a person does who has used them."""
    (folder,) = home.glob(f"results/{name}-*")
    remove(folder)


def ruin(queue: Path) -> None:
    """Make the queue unreadable, with what lies in its log."""
    for path in (queue, queue.with_name(f"{queue.name}-wal")):
        size = path.stat().st_size
        path.write_bytes(path.read_bytes()[:100] + os.urandom(size - 100))


def test_after_a_restore_nothing_is_lost_and_nothing_runs_twice(drill: Drill) -> None:
    """The day a disk breaks, a backup would lose the day's jobs, or run them all again."""
    copy = went_on(drill)
    assert "already serves this home" in drill.run("restore", copy, code=2)
    drill.kill()
    ruin(drill.home / "state/queue.db")
    assert "orchestrator restore" in drill.run("serve", code=78)

    remove_results(drill.home, "gated-removed")
    for name in ("gated-alive", "gated-removed"):
        as_if_submitting(copy, name)
    told = drill.restore(copy)
    assert {key: told[key] for key in ("jobs", "published", "again", "sought", "left_out")} == {
        "jobs": 12,
        "published": 4,  # gated-long, next, the second run of twice, late
        "again": 4,  # late, gated-unknown, gated-room, waiting
        "sought": 2,  # gated-alive, gated-removed
        "left_out": [],
    }
    assert Path(told["replaced"]).stat().st_size > 0
    assert "no findings" in drill.run("fsck")
    known = dict.fromkeys(ENDED, "SUCCEEDED") | {"cancelled": "CANCELLED"}
    known |= dict.fromkeys(("kept", "gated-unknown", "gated-room", "waiting"), "HELD")
    assert drill.shown() == known | {"gated-alive": "UNKNOWN", "gated-removed": "UNKNOWN"}
    assert "may have been started since" in drill.run("explain", "waiting")

    drill.serve()
    drill.open_gate("gated-alive")
    drill.wait(r" gated-alive .*UNKNOWN → RUNNING .*found again", r" gated-alive .*→ SUCCEEDED")
    drill.wait(r" gated-removed .*UNKNOWN → HELD .*the queue was restored")
    assert drill.shown() == known | {"gated-alive": "SUCCEEDED", "gated-removed": "HELD"}
    for name in ("gated-unknown", "gated-room", "gated-removed"):  # a person who looks, finds them
        drill.run("cancel", name)
    for name in ("waiting", "kept"):  # and does not find these
        drill.run("release", name)
    drill.drop("new")
    drill.wait(r" gated-removed .*→ CANCELLED .*given up")
    drill.wait(*(rf" {name} .*→ SUCCEEDED" for name in ("waiting", "kept", "new")))
    drill.kill()

    lines = (drill.folder / "ledger").read_text().splitlines()
    gated = [f"gated-{name}" for name in ("alive", "removed", "room", "unknown")]
    once = [*ENDED, *gated, "kept", "new", "waiting"]
    assert sorted(lines) == sorted([*(f"{name} 1" for name in once), "twice 2"])
    assert "no findings" in drill.run("fsck")
    assert "10 runs verified, no findings" in drill.run("verify", "--all")
    numbers = [
        int(line.rpartition("#")[2])
        for line in (drill.home / "log/status.log").read_text("utf-8").splitlines()
    ]
    assert numbers == sorted(set(numbers)), "a line of status.log was written twice"
