"""What people look at: jobs in a list, one job in full, and what came of what they asked for.

Texts may hold foreign words: escape them where they are printed. Times called `*_at` and `deadline`
are wall-clock seconds (UTC, since 1970); `due`, `started` and `doubt_since` are steady seconds.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.core.after import in_words
from orchestrator.core.lifecycle import JobState, Outcome, RunState, Shown, Want
from orchestrator.store import line
from orchestrator.store.queries import load
from orchestrator.store.sqlite import Connection
from orchestrator.store.waiting import earlier

Which = Literal["unfinished", "ended"]
NO_LIMIT = -1


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job in a list; `run` counts its runs so far, `reason` explains where it stands."""

    id: str
    name: str
    backend: str
    shown: Shown
    run: int
    allowed: int
    remote_id: str | None
    accepted_at: float
    changed_at: float
    reason: str


@dataclass(frozen=True, slots=True)
class JobView:
    """One job in full. `spec` is the checked spec, as JSON; `waits_for` the jobs before it.

    `lease` is what its run has to itself; `in_line_for` says who has it now, while the job waits.
    """

    id: str
    seq: int
    name: str
    backend: str
    state: JobState
    want: Want
    hold_code: str | None
    hold_reason: str | None
    due: float
    runs: int
    allowed: int
    reason: str
    shown: Shown
    accepted_at: float
    deadline: float | None
    dropped_as: str
    file: str
    spec: dict[str, Any]
    changed_at: float
    waits_for: str | None = None
    lease: str | None = None
    in_line_for: str | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run of a job, with how many of its inputs and outputs have been brought over."""

    id: str
    key: str
    number: int
    state: RunState
    due: float
    tries: int
    remote_id: str | None
    outcome: Outcome | None
    exit_code: int | None
    reason: str
    stop: str | None
    doubt_since: float | None
    started: float | None
    last_error: str | None
    last_error_at: float | None
    created_at: float
    ended_at: float | None
    manifest_sha256: str | None
    forgotten: bool
    staging_steps: int
    staged: int
    harvest_steps: int
    harvested: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far something that was submitted has come; a rejected drop is shown as REJECTED."""

    id: str
    name: str
    shown: Shown
    reason: str

    @property
    def is_settled(self) -> bool:
        """Whether nothing moves it any more unless a person asks."""
        return self.shown in _SETTLED


_SETTLED = {Shown.SUCCEEDED, Shown.FAILED, Shown.CANCELLED, Shown.HELD, Shown.REJECTED}


@dataclass(frozen=True, slots=True)
class Published:
    """A run whose results are published."""

    job: str
    name: str
    number: int
    manifest_sha256: str


def jobs(conn: Connection, which: Which, limit: int = NO_LIMIT) -> list[JobLine]:
    """Return the first unfinished jobs, or the last ended ones, in the order of acceptance."""
    sql = load("views")
    seqs = [row["seq"] for row in conn.execute(sql[which], {"limit": limit}).fetchall()]
    rows = conn.execute(sql["lines"], {"seqs": json.dumps(seqs)}).fetchall()
    return [_line(conn, dict(row)) for row in rows]


def _line(conn: Connection, row: dict[str, Any]) -> JobLine:
    """Return one line; what a job waits for changes without itself, and is read now."""
    waits, in_line = row.pop("waits"), row.pop("in_line")
    if waits:
        row["reason"] = f"waits for {in_words(earlier(conn, row['id']))}"
    elif in_line and (held_up := line.waits_for(conn, row["id"])):
        row["reason"] = f"waits for {held_up}"
    return JobLine(**row | {"shown": Shown(row["shown"])})


def counts(conn: Connection) -> tuple[dict[Shown, int], int]:
    """Return how many unfinished jobs are shown under each word, and how many have ended."""
    rows = conn.execute(load("views")["counts"]).fetchall()
    unfinished = {Shown(row["shown"]): row["jobs"] for row in rows}
    everything: int = conn.execute(load("views")["all_jobs"]).fetchone()[0]
    return unfinished, everything - sum(unfinished.values())


def job(conn: Connection, id_: str) -> JobView | None:
    """Return one job, None when there is none with this id."""
    row = conn.execute(load("views")["job"], {"job": id_}).fetchone()
    if row is None:
        return None
    fields = dict(row)
    read = {
        "waits_for": in_words(earlier(conn, id_)) if fields.pop("waits") else None,
        "in_line_for": line.waits_for(conn, id_),
        "state": JobState(row["state"]),
        "want": Want(row["want"]),
        "shown": Shown(row["shown"]),
        "spec": json.loads(row["spec"]),
    }
    return JobView(**fields | read)


def runs(conn: Connection, id_: str) -> list[RunView]:
    """Return the runs of a job, oldest first."""
    rows = conn.execute(load("views")["runs"], {"job": id_}).fetchall()
    return [
        RunView(
            **dict(row)
            | {
                "state": RunState(row["state"]),
                "outcome": None if row["outcome"] is None else Outcome(row["outcome"]),
                "forgotten": bool(row["forgotten"]),
            }
        )
        for row in rows
    ]


def ahead(conn: Connection, job: JobView, steady: float) -> int:
    """Return how many queued jobs of the same backend are taken before this one."""
    values = {"backend": job.backend, "seq": job.seq, "steady": steady}
    count: int = conn.execute(load("views")["ahead"], values).fetchone()[0]
    return count


def live(conn: Connection, backend: str) -> tuple[int, int, int]:
    """Return how many runs of a backend have not ended, are harvested, are still looked for."""
    row = conn.execute(load("views")["live"], {"backend": backend}).fetchone()
    return row["live"], row["harvesting"], row["sought"]


def queued(conn: Connection, backend: str) -> int:
    """Return how many jobs of a backend are queued, held ones too."""
    found: int = conn.execute(load("views")["queued"], {"backend": backend}).fetchone()[0]
    return found


def progress(conn: Connection, ids: Sequence[str]) -> dict[str, Progress]:
    """Return how far those of the ids have come that the queue knows, as job or as rejection."""
    wanted, sql = {"ids": json.dumps(list(ids))}, load("views")
    rows = conn.execute(sql["progress"], wanted).fetchall()
    rows += conn.execute(sql["rejections"], wanted).fetchall()
    return {row["id"]: Progress(**dict(row) | {"shown": Shown(row["shown"])}) for row in rows}


def request_answer(conn: Connection, id_: str) -> tuple[bool, str | None]:
    """Return whether a request was carried out yet, and if it was refused, why."""
    row = conn.execute(load("views")["request"], {"id": id_}).fetchone()
    return (False, None) if row is None else (True, row["refused"])


def published(conn: Connection, job: str | None = None) -> list[Published]:
    """Return the runs of one job, or of all, whose results are published."""
    rows = conn.execute(load("views")["published"], {"job": job}).fetchall()
    return [Published(**dict(row)) for row in rows]
