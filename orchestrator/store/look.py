"""Reads of the queue: what is due, and everything an act needs to know."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from orchestrator.core.after import Waits, remote_ids
from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import Outcome, RunState, Want
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec
from orchestrator.core.work import Work
from orchestrator.store.queries import load
from orchestrator.store.record import entry
from orchestrator.store.results.fetching import HeldAgainst
from orchestrator.store.sqlite import Connection, Row
from orchestrator.store.waiting import earlier

Phase = Literal["stage", "harvest"]


@dataclass(frozen=True, slots=True)
class Due:
    """A run that may be acted on now."""

    run: str
    key: str
    backend: str
    state: RunState


@dataclass(frozen=True, slots=True)
class InputRow:
    """An input file as it was accepted; `trusted` is False when a person takes it as it is now."""

    name: str
    source: str
    size: int
    mtime_ns: int
    taken: bool
    trusted: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One file to bring over or to fetch. `name` is ours, `source` theirs."""

    n: int
    name: str
    source: str
    size: int | None
    sha256: str | None
    log: bool
    verified: HeldAgainst
    done: bool = False
    md5: str | None = None


def due_runs(conn: Connection, backend: str, now: Now, limit: int) -> list[Due]:
    """Return the runs of a backend that are due, the longest due first."""
    values = {"backend": backend, "steady": now.steady, "limit": limit}
    return [_due(row) for row in conn.execute(load("look")["due_runs"], values).fetchall()]


def hinted_runs(conn: Connection, keys: Sequence[str]) -> list[Due]:
    """Return the running runs with these keys."""
    rows = conn.execute(load("look")["hinted_runs"], {"keys": json.dumps(list(keys))}).fetchall()
    return [_due(row) for row in rows]


def running_keys(conn: Connection, backends: Sequence[str]) -> set[str]:
    """Return the keys of the runs that are running on these backends."""
    rows = conn.execute(load("look")["running_keys"], {"backends": json.dumps(list(backends))})
    return {row["key"] for row in rows.fetchall()}


def _due(row: Row) -> Due:
    return Due(row["run"], row["key"], row["backend"], RunState(row["state"]))


def work(conn: Connection, run: str) -> Work:
    """Return the run with what decisions need of its job."""
    row = dict(conn.execute(load("look")["work"], {"run": run}).fetchone())
    outcome, waits = row.pop("outcome"), Waits(row["waits"])
    return Work(
        **row
        | {
            "want": Want(row["want"]),
            "spec": JobSpec.model_validate_json(row["spec"]),
            "state": RunState(row["state"]),
            "outcome": None if outcome is None else Outcome(outcome),
            "listed": bool(row["listed"]),
            "forgotten": bool(row["forgotten"]),
            "suspect": bool(row["suspect"]),
            "published": bool(row["published"]),
            "waits": waits,
            "after": () if waits is Waits.NO else remote_ids(earlier(conn, row["job"])),
            "memo": json.loads(row["memo"]),
        }
    )


def running(conn: Connection, run: str) -> Work | None:
    """Return a run that is under way at its backend; None when there is none, or not any more."""
    found = conn.execute(load("look")["is_running"], {"run": run}).fetchone()
    return None if found is None else work(conn, run)


def startable(
    conn: Connection, backend: str, now: Now, limit: int, waits: Waits = Waits.NO
) -> list[str]:
    """Return the oldest queued jobs of a backend that may start now.

    With Waits.BEHIND, those that may be given early to a place that holds runs back by itself. Of
    those that need the same thing to themselves, it is the first, and none while a run has it.
    """
    sql = load("look")
    values = {
        "backend": backend,
        "steady": now.steady,
        "wall": now.wall,
        "limit": limit,
        "waits": waits,
        "lease": None,
    }
    found = conn.execute(sql["startable"], values).fetchall()
    for free in conn.execute(sql["free_leases"], values).fetchall():
        first = values | {"lease": free["lease"], "limit": 1}
        found += conn.execute(sql["startable"], first).fetchall()
    return [row["id"] for row in sorted(found, key=lambda row: row["seq"])[:limit]]


def in_order(conn: Connection, jobs: Sequence[str]) -> list[str]:
    """Return jobs that may start, of all backends, in the order in which they are served."""
    found = conn.execute(load("look")["in_order"], {"ids": json.dumps(list(jobs))})
    return [row["id"] for row in found.fetchall()]


def overdue(conn: Connection, now: Now) -> tuple[list[str], list[str]]:
    """Return the queued jobs whose deadline has passed, and those that are to be cancelled."""
    sql = load("look")
    expired = conn.execute(sql["expired"], {"wall": now.wall}).fetchall()
    cancellable = conn.execute(sql["cancellable"]).fetchall()
    return [row["id"] for row in expired], [row["id"] for row in cancellable]


def slots(conn: Connection) -> dict[str, tuple[int, int]]:
    """Return for each backend how many runs are short of their end, and how many live in all."""
    rows = conn.execute(load("look")["slots"]).fetchall()
    return {row["backend"]: (row["running"], row["live"]) for row in rows}


def next_due(conn: Connection, now: Now) -> float | None:
    """Return the steady time at which the next row becomes due, None when none will."""
    value: float | None = conn.execute(load("look")["next_due"], {"steady": now.steady}).fetchone()[
        0
    ]
    return value


def movable(conn: Connection, backends: Sequence[str]) -> int:
    """Return how many jobs can move without a person, and runs that are still to be forgotten."""
    sql, values = load("look"), {"backends": json.dumps(list(backends))}
    jobs: int = conn.execute(sql["movable"], values).fetchone()[0]
    runs: int = conn.execute(sql["unforgotten"], values).fetchone()[0]
    return jobs + runs


def inputs(conn: Connection, job: str) -> dict[str, InputRow]:
    """Return the job's inputs by their name in the run."""
    rows = conn.execute(load("look")["inputs"], {"job": job}).fetchall()
    return {
        row["name"]: InputRow(
            row["name"],
            row["source"],
            row["size"],
            row["mtime_ns"],
            bool(row["taken"]),
            bool(row["trusted"]),
        )
        for row in rows
    }


def steps(conn: Connection, run: str, phase: Phase) -> list[Step]:
    """Return all steps of one phase of a run, in their order."""
    rows = conn.execute(load("look")["steps"], {"run": run, "phase": phase}).fetchall()
    return [_step(row) for row in rows]


def next_step(conn: Connection, run: str, phase: Phase) -> Step:
    """Return the first step of a phase that is not done; there must be one."""
    return _step(conn.execute(load("look")["next_step"], {"run": run, "phase": phase}).fetchone())


def _step(row: Row) -> Step:
    return Step(
        row["n"],
        row["name"],
        json.loads(row["source"]),
        row["size"],
        row["sha256"],
        bool(row["log"]),
        row["verified"],
        bool(row["done"]),
        row["md5"],
    )


def papers(conn: Connection, job: str) -> tuple[bytes, str, list[Entry]]:
    """Return what is published beside outputs: the spec as written, its file name, the history."""
    row = conn.execute(load("look")["spec_text"], {"job": job}).fetchone()
    return row["text"], row["file"], history_of(conn, job)


def history_of(conn: Connection, job: str) -> list[Entry]:
    """Return all that happened to a job, oldest first."""
    rows = conn.execute(load("look")["history_of"], {"job": job}).fetchall()
    return [entry(row) for row in rows]


def history_after(conn: Connection, seq: int, limit: int) -> list[Entry]:
    """Return the entries after one, oldest first."""
    rows = conn.execute(load("look")["history_after"], {"seq": seq, "limit": limit}).fetchall()
    return [entry(row) for row in rows]


def last_history(conn: Connection) -> int:
    """Return the number of the newest history entry, 0 without one."""
    seq: int = conn.execute(load("look")["last_history"]).fetchone()[0]
    return seq


def ended(conn: Connection, keys: Sequence[str]) -> list[str]:
    """Return those of the keys whose runs have ended."""
    rows = conn.execute(load("look")["ended_keys"], {"keys": json.dumps(list(keys))}).fetchall()
    return [row["key"] for row in rows]


def unsuccessful_since(conn: Connection, seq: int) -> int:
    """Return how many jobs and drops ended, or are held, without success since an entry."""
    count: int = conn.execute(load("look")["unsuccessful_since"], {"seq": seq}).fetchone()[0]
    return count
