"""What the queue knows that folders and files can be held against, and what must hold within it."""

from dataclasses import dataclass

from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import JobState, RunState, Want, shown
from orchestrator.store.queries import load
from orchestrator.store.sqlite import Connection


@dataclass(frozen=True, slots=True)
class TakenInput:
    """An input file of an unfinished job that was taken over with its drop."""

    job: str
    dropped_as: str
    source: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run, and where its results belong. `forgotten`: its backend was told to let it go."""

    job: str
    name: str
    number: int
    key: str
    backend: str
    state: RunState
    manifest_sha256: str | None
    forgotten: bool


def was_restored(conn: Connection) -> bool:
    """Whether the queue was ever restored from a copy: later runs are unknown to it."""
    row = conn.execute(load("look")["home"]).fetchone()
    return row is not None and bool(row["restored"])


def broken(conn: Connection, rule: str) -> list[str]:
    """Return in words where a rule of sql/audit.sql does not hold."""
    return [row["said"] for row in conn.execute(load("audit")[rule]).fetchall()]


def misshown(conn: Connection) -> list[str]:
    """Return in words the jobs that are shown as something they are not."""
    said = []
    for row in conn.execute(load("audit")["standings"]).fetchall():
        live = None if row["run_state"] is None else RunState(row["run_state"])
        waiting = row["runs"] > 0 or row["waits"] != Waits.NO or bool(row["in_line"])
        right = shown(JobState(row["state"]), Want(row["want"]), live, waiting=waiting)
        if right != row["shown"]:
            said.append(f"job {row['id']} is {right} and shown as {row['shown']}")
    return said


def damage(conn: Connection) -> list[str]:
    """Return what SQLite finds wrong with the file of the database itself."""
    whole = [row[0] for row in conn.execute("PRAGMA integrity_check(20)").fetchall()]
    dangling = conn.execute("PRAGMA foreign_key_check").fetchall()
    said = [f"a row of {row[0]} refers to a row of {row[2]} that is not there" for row in dangling]
    return [line for line in whole if line != "ok"] + said


def tables(conn: Connection) -> list[str]:
    """Return the names of all tables, for `damage_in`."""
    rows = conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
    return [row["name"] for row in rows if not row["name"].startswith("sqlite_")]


def damage_in(conn: Connection, table: str) -> list[str]:
    """Return what SQLite finds wrong with one table: a part of `damage` that takes less long."""
    rows = conn.execute(f"PRAGMA integrity_check('{table}')").fetchall()
    return [row[0] for row in rows if row[0] != "ok"]


def drops(conn: Connection) -> dict[str, str]:
    """Return for the id of each job the name under which it was dropped."""
    return {row["id"]: row["dropped_as"] for row in conn.execute(load("audit")["drops"]).fetchall()}


def ids(conn: Connection, kind: str) -> set[str]:
    """Return the ids of all "requests", or of all drops that were "rejected"."""
    return {row["id"] for row in conn.execute(load("audit")[kind]).fetchall()}


def taken_inputs(conn: Connection) -> list[TakenInput]:
    """Return the input files that unfinished jobs count on."""
    rows = conn.execute(load("audit")["taken_inputs"]).fetchall()
    return [TakenInput(**dict(row)) for row in rows]


def runs(conn: Connection) -> list[RunRow]:
    """Return all runs, oldest first."""
    rows = conn.execute(load("audit")["runs"]).fetchall()
    typed = ({"state": RunState(row["state"]), "forgotten": bool(row["forgotten"])} for row in rows)
    return [RunRow(**dict(row) | more) for row, more in zip(rows, typed, strict=True)]
