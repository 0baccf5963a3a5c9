"""What a restored queue must learn before it goes on: the world went on without it.

Every function is one part of the transaction that is made on the copy before anybody else sees it.
The rule behind all of them: what may have been started since the copy was made is looked for or
held, and never started by itself.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from orchestrator.core import decide
from orchestrator.core.ids import key_of
from orchestrator.core.intake import Request
from orchestrator.core.lifecycle import RunState
from orchestrator.core.now import Now
from orchestrator.store import look, runs, waiting
from orchestrator.store.queries import load
from orchestrator.store.record import record
from orchestrator.store.results.manifest import EndedRun
from orchestrator.store.sqlite import Connection, Row

ASK_AGAIN = "the queue was restored from an earlier copy since; look, and ask again"


class Found(NamedTuple):
    """A published result of a run: what its manifest tells, and the manifest's SHA-256."""

    run: EndedRun
    manifest_sha256: str


def jobs(conn: Connection) -> dict[str, str]:
    """Return the names of all jobs by their ids."""
    return {row["id"]: row["name"] for row in conn.execute(load("restored")["jobs"]).fetchall()}


def number_history_from(conn: Connection, last: int) -> None:
    """Number new entries of the history after all that stand in status.log, up to `last`."""
    sql = load("restored")
    conn.execute(sql["number_history_from"], {"seq": last})
    conn.execute(sql["status_is_written"])


def doubt_everything(conn: Connection, why: str, now: Now) -> tuple[int, int]:
    """Hold every queued job and have every live run looked for; return how many of each."""
    sql = load("restored")
    conn.execute(sql["mark"])
    queued = [row["id"] for row in conn.execute(sql["queued"]).fetchall()]
    for job in queued:
        conn.execute(sql["hold_queued"], {"job": job, "reason": f"{why}: {decide.MAYBE_STARTED}"})
        record(conn, job, f"{why}: {decide.MAYBE_STARTED}", now)
    live = conn.execute(sql["live"]).fetchall()
    for row in live:
        values = {"run": row["run"], "steady": now.steady, "reason": why}
        for step in ("submit_staging", "doubt_submitting", "suspect_run"):
            conn.execute(sql[step], values)
        record(conn, row["job"], f"{why}: its run is looked for by its key", now)
    waiting.review_all(conn, now)
    return len(queued), len(live)


def adopt(
    conn: Connection, job: str, found: Mapping[int, Found], now: Now, new_key: Callable[[], str]
) -> int:
    """Take over results of a job that were published since; return how many runs they are.

    What the queue knows already is left as it is, and so is a result that is of another run than
    the queue's with that number. `new_key` names runs of which nothing is left but their number.
    """
    sql = load("restored")["runs_of"]
    known = {row["number"]: row for row in conn.execute(sql, {"job": job}).fetchall()}
    ours = {
        number: result
        for number, result in found.items()
        if number not in known or _is_open(known[number], result.run.key)
    }
    for number in range(1, max(ours, default=0) + 1):
        if number in ours:
            _publish(conn, job, number, ours[number], now)
        elif number not in known or known[number]["state"] != RunState.ENDED:
            _pass_over(conn, job, number, now, new_key)
    return len(ours)


def _is_open(run: Row, key: str) -> bool:
    return bool(run["key"] == key and run["state"] != RunState.ENDED)


def _publish(conn: Connection, job: str, number: int, found: Found, now: Now) -> None:
    """Bring a run to its harvest and then to its end, as if its results had just been published."""
    sql, ended = load("restored"), found.run
    run = run_of(ended.key)
    values = {"job": job, "number": number, "run": run, "key": ended.key, "reason": ended.reason}
    values |= {"remote_id": ended.remote_id, "outcome": ended.outcome, "exit_code": ended.exit_code}
    values |= {"steady": now.steady, "wall": now.wall}
    conn.execute(sql["reopen_ended"], values)
    conn.execute(sql["reopen"], values)
    if conn.execute(sql["run_numbered"], values).fetchone() is None:
        conn.execute(sql["add_published_run"], values)
    for step in ("name_run", "submit_staging", "run_submitting", "run_published"):
        conn.execute(sql[step], values)
    work = look.work(conn, run)
    change = decide.published(work, now)
    runs.move(conn, work, change, now, manifest_sha256=found.manifest_sha256, alone=True)


def _pass_over(
    conn: Connection, job: str, number: int, now: Now, new_key: Callable[[], str]
) -> None:
    """End a run that left no results: a later one has, so that a person or we let go of it."""
    sql = load("restored")
    values = {"job": job, "number": number, "steady": now.steady, "wall": now.wall}
    row = conn.execute(sql["run_numbered"], values).fetchone()
    if row is not None:
        values |= {"id": row["id"], "outcome": "lost"}
        conn.execute(load("queue")["give_up_run"], values)
        return
    key = new_key()
    conn.execute(sql["reopen_ended"], values)
    conn.execute(sql["reopen"], values)
    reason = "the queue was restored; of this run only its number is known"
    conn.execute(sql["add_lost_run"], values | {"id": run_of(key), "key": key, "reason": reason})


def note_request(conn: Connection, drop: str, request: Request, now: Now) -> None:
    """Note a request that was answered after the copy was made, so that nothing repeats it.

    It was about the queue as it was then; what came of it is not known any more.
    """
    queue = load("queue")
    for id_ in {drop, request.id}:
        if conn.execute(queue["request_known"], {"id": id_}).fetchone() is None:
            values = {"id": id_, "verb": request.verb, "job": request.job, "wall": now.wall}
            conn.execute(queue["add_request"], values | {"refused": ASK_AGAIN})


def run_of(key: str) -> str:
    """Return the id of the run that has a key."""
    return key.rpartition("-")[2]


def is_key_of(home: str, key: str) -> bool:
    """Whether a key is one that this home gives."""
    return key == key_of(home, run_of(key))
