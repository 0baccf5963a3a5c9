"""How runs move: every function is one unit of a transaction, guarded by what was read."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from orchestrator.core.faults import StaleError
from orchestrator.core.lifecycle import Event, JobState, RunState, target
from orchestrator.core.now import Now
from orchestrator.core.work import Change, Work
from orchestrator.store import line, look
from orchestrator.store.look import Phase, Step
from orchestrator.store.queries import load
from orchestrator.store.record import record
from orchestrator.store.results.fetching import HeldAgainst
from orchestrator.store.sqlite import Connection
from orchestrator.store.waiting import follow

LARGEST_MEMO = 65536


class Proof(NamedTuple):
    """That one step is done: what it brought, and what an output was held against."""

    n: int
    size: int
    sha256: str
    verified: HeldAgainst | None = None


def start(conn: Connection, job: str, run: str, key: str, now: Now) -> bool:
    """Give a queued job its next run; return False when it may not start any more.

    What the job needs to itself is the run's from here on. Until it ends, nobody else gets it.
    """
    queue = load("queue")
    values = {"id": run, "key": key, "job": job, "steady": now.steady, "wall": now.wall}
    if conn.execute(queue["add_run"], values).rowcount != 1:
        return False
    conn.execute(queue["activate_job"], {"job": job})
    conn.execute(queue["add_stage_steps"], {"run": run, "job": job})
    lease = conn.execute(queue["lease_of_run"], {"id": run}).fetchone()["lease"]
    if lease is None:
        record(conn, job, "a slot is free", now)
    else:
        record(conn, job, f"a slot is free; it has {lease} to itself", now)
        line.taken(conn, lease, now)
    return True


def move(
    conn: Connection,
    work: Work,
    change: Change,
    now: Now,
    *,
    staged: Proof | None = None,
    manifest_sha256: str | None = None,
    alone: bool = False,
) -> None:
    """Write what an act came to, with the proof of a staging step where that is what it did.

    What it means for jobs that come after this one is written, too, unless `alone` is given: then
    they are left to be looked at when more is known. Raises StaleError when the run is not as it
    was read.
    """
    queue = load("queue")
    state = target(work.state, change.event)
    values = {
        "id": work.run,
        "version": work.version,
        "source": work.state,
        "state": state,
        "want": work.want,
        "waits": work.waits,
        "steady": now.steady,
        "wall": now.wall,
        "due": change.due,
        "tries": change.tries,
        "missed": change.missed,
        "reason": change.reason,
        "error": change.error,
        "remote_id": change.remote_id,
        "memo": None if change.memo is None else _memo(change.memo),
        "outcome": change.outcome,
        "exit_code": change.exit_code,
        "stop": change.stop,
        "doubt_since": change.doubt_since,
        "started": change.started,
        "manifest_sha256": manifest_sha256,
        # What was given up is left over there, for a person to look at.
        "forgotten": change.event is Event.GIVEN_UP,
    }
    if conn.execute(queue["move_run"], values).rowcount != 1:
        raise StaleError(f"run {work.run} has changed since it was read")
    if staged is not None:
        steps_done(conn, work.run, "stage", [staged])
    if change.hold is not None:
        hold = {"code": change.hold.code, "reason": change.hold.reason}
        conn.execute(queue["hold_job"], {"job": work.job, "want": work.want} | hold)
    if state is RunState.ENDED:
        settled = {
            "job": work.job,
            "state": change.job or JobState.FAILED,
            "due": change.job_due if change.job_due is not None else now.steady,
            "reason": change.reason,
        }
        conn.execute(queue["settle_job"], settled)
    record(conn, work.job, change.hold.reason if change.hold else change.reason, now)
    if not alone and (state is not work.state or change.hold is not None):
        follow(conn, work.job, now)


def move_on(
    conn: Connection, work: Work, change: Change, now: Now, *, manifest_sha256: str | None = None
) -> Work:
    """Write like `move` and return the run as it is then, for an act that goes on with it."""
    move(conn, work, change, now, manifest_sha256=manifest_sha256)
    return look.work(conn, work.run)


def list_outputs(conn: Connection, run: str, found: Sequence[Step]) -> None:
    """Note which outputs are to be fetched, in place of any earlier list."""
    queue = load("queue")
    conn.execute(queue["clear_harvest"], {"run": run})
    conn.executemany(
        queue["list_steps"],
        [
            {
                "run": run,
                "n": step.n,
                "name": step.name,
                "source": json.dumps(step.source),
                "size": step.size,
                "sha256": step.sha256,
                "md5": step.md5,
                "log": step.log,
                "verified": step.verified,
            }
            for step in found
        ],
    )
    conn.execute(queue["mark_listed"], {"run": run, "listed": True})


def unlist_outputs(conn: Connection, run: str) -> None:
    """Forget the list: what was listed is not what is there, so it is listed again."""
    conn.execute(load("queue")["clear_harvest"], {"run": run})
    conn.execute(load("queue")["mark_listed"], {"run": run, "listed": False})


def steps_done(conn: Connection, run: str, phase: Phase, proofs: Sequence[Proof]) -> None:
    """Note steps with their proofs."""
    values = [{"run": run, "phase": phase} | proof._asdict() for proof in proofs]
    conn.executemany(load("queue")["step_done"], values)


def pin_input(conn: Connection, job: str, name: str, *, size: int, mtime_ns: int) -> None:
    """Take an input as it is now, because a person asked for another run."""
    values = {"job": job, "name": name, "size": size, "mtime_ns": mtime_ns}
    conn.execute(load("queue")["pin_input"], values)


def forgotten(conn: Connection, run: str) -> None:
    """Note that the backend has let go of an ended run."""
    conn.execute(load("queue")["forget_run"], {"id": run})


def put_off_forgetting(conn: Connection, run: str, due: float, error: str, now: Now) -> None:
    """Try again later to have the backend let go."""
    values = {"id": run, "due": due, "error": error, "wall": now.wall}
    conn.execute(load("queue")["put_off_forgetting"], values)


def put_off(conn: Connection, work: Work, due: float, error: str, now: Now) -> None:
    """Leave a run as it is and look again later."""
    values = {"id": work.run, "version": work.version, "due": due, "error": error, "wall": now.wall}
    conn.execute(load("queue")["put_off"], values)


def _memo(memo: object) -> str:
    text = json.dumps(memo, separators=(",", ":"))
    if len(text) > LARGEST_MEMO:
        raise ValueError(f"a backend's memo is {len(text)} bytes, over the {LARGEST_MEMO} allowed")
    return text
