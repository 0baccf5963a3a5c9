"""How jobs and requests enter the queue. Every function is one unit of a transaction."""

import hashlib
import json
from collections.abc import Collection

from orchestrator.core.after import Waits
from orchestrator.core.intake import NewJob, Rejection, Request, Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome, RunState, Shown, Want
from orchestrator.core.now import Now
from orchestrator.core.work import Change, Hold
from orchestrator.store import line, look, runs, waiting
from orchestrator.store.queries import load
from orchestrator.store.record import add_entry, record
from orchestrator.store.resolve import resolve
from orchestrator.store.sqlite import Connection, Row

MAY_BE_ALIVE = (
    "its run may have been started all the same, or be under way: look at the backend first, then"
    " repeat the request with --i-checked"
)
MOST_NAMED = 5  # ids that an answer lists


def accept(conn: Connection, job: NewJob, now: Now) -> bool:
    """Add the job with its inputs; return False when its id is already there (a replay).

    Should it come after others, or others have waited for it, that is seen to at once. Should
    another job have what it needs to itself, that is noted.
    """
    is_new = add(conn, job, now)
    if is_new:
        waiting.entered(conn, job.id, now)
        if not job.spec.after:
            line.tell(conn, job.id, now)
    return is_new


def add(conn: Connection, job: NewJob, now: Now) -> bool:
    """Add the job as `accept` does, but leave it to `waiting.review_all` what it comes after."""
    queue = load("queue")
    if conn.execute(queue["job_known"], {"id": job.id}).fetchone():
        return False
    spec = job.spec
    conn.execute(
        queue["add_job"],
        {
            "id": job.id,
            "name": spec.name,
            "backend": spec.backend,
            "dropped_as": job.drop,
            "file": job.file,
            "text": job.text,
            "sha256": hashlib.sha256(job.text).hexdigest(),
            "spec": spec.model_dump_json(),
            "uid": job.uid,
            "deadline": spec.limits.deadline.timestamp() if spec.limits.deadline else None,
            "allowed": spec.retry.attempts,
            "waits": Waits.YES if spec.after else Waits.NO,
            "lease": job.lease,
            "reason": "accepted",
            "steady": now.steady,
            "wall": now.wall,
        },
    )
    conn.executemany(
        queue["add_input"],
        [
            {
                "job": job.id,
                "name": item.name,
                "source": item.source,
                "size": item.size,
                "mtime_ns": item.mtime_ns,
                "taken": item.taken,
            }
            for item in job.inputs
        ],
    )
    words = [{"job": job.id, "n": n, "word": word} for n, word in enumerate(spec.after)]
    conn.executemany(queue["add_dependency"], words)
    record(conn, job.id, f"accepted from {job.drop}", now)
    return True


def reject(conn: Connection, rejection: Rejection, now: Now) -> None:
    """Note a drop that never became a job, once."""
    queue = load("queue")
    if conn.execute(queue["rejection_known"], {"id": rejection.id}).fetchone():
        return
    values = {"id": rejection.id, "name": rejection.name, "reason": rejection.reason}
    conn.execute(queue["add_rejection"], values | {"wall": now.wall})
    add_entry(
        conn,
        at=now.wall,
        job=rejection.id,
        name=rejection.name,
        run=None,
        backend="-",
        remote_id=None,
        source=None,
        target=Shown.REJECTED,
        lasted=None,
        reason=rejection.reason,
    )


def known(conn: Connection, ids: Collection[str]) -> set[str]:
    """Return those of the ids that are jobs."""
    rows = conn.execute(load("look")["known_ids"], {"ids": json.dumps(list(ids))})
    return {row["id"] for row in rows.fetchall()}


def apply(conn: Connection, request: Request, now: Now) -> str | None:
    """Carry out what a person asked; return None, or for people why it cannot be done.

    A request whose id is known was carried out before: it does nothing, and is answered as then.
    """
    queue = load("queue")
    before = conn.execute(queue["request_known"], {"id": request.id}).fetchone()
    if before is not None:
        answer: str | None = before["refused"]
        return answer
    refused = _carry_out(conn, request, now)
    conn.execute(
        queue["add_request"],
        {
            "id": request.id,
            "verb": request.verb,
            "job": request.job,
            "wall": now.wall,
            "refused": refused,
        },
    )
    return refused


def _carry_out(conn: Connection, request: Request, now: Now) -> str | None:
    ids = resolve(conn, request.job, unfinished_first=True)
    if not ids:
        return f"there is no job {request.job}; `orchestrator status` lists them"
    if len(ids) > 1:
        some = ", ".join(ids[:MOST_NAMED]) + (", …" if len(ids) > MOST_NAMED else "")
        return f"{request.job} names more than one job: {some}; give the id"
    job = conn.execute(load("queue")["job_now"], {"job": ids[0]}).fetchone()
    return _DO[request.verb](conn, ids[0], job, request, now)


def _cancel(conn: Connection, id_: str, job: Row, _: Request, now: Now) -> str | None:
    if JobState(job["state"]).is_final:
        return f"the job has already ended: {job['shown']}"
    _wish(conn, id_, Want.CANCEL, None)
    conn.execute(load("queue")["hurry"], {"job": id_, "steady": now.steady})
    if job["state"] == JobState.QUEUED:
        waiting.end_queued(
            conn, id_, JobState.CANCELLED, "cancelled on request, before it ran", now
        )
    else:
        record(conn, id_, "cancel requested", now)
    return None


def _hold(conn: Connection, id_: str, job: Row, _: Request, now: Now) -> str | None:
    if JobState(job["state"]).is_final:
        return f"the job has already ended: {job['shown']}"
    if job["want"] == Want.HOLD:
        return "the job is already held"
    _wish(conn, id_, Want.HOLD, Hold("user", "held on request; release it to go on"))
    record(conn, id_, "held on request", now)
    return None


def _release(conn: Connection, id_: str, job: Row, _: Request, now: Now) -> str | None:
    if job["want"] != Want.HOLD:
        return f"the job is not held: {job['shown']}"
    _wish(conn, id_, Want.RUN, None)
    conn.execute(load("queue")["have_patience"], {"job": id_})
    record(conn, id_, "released on request", now)
    line.tell(conn, id_, now)
    waiting.review(conn, [id_], now)
    waiting.follow(conn, id_, now)
    return None


def _retry(conn: Connection, id_: str, job: Row, request: Request, now: Now) -> str | None:
    queue = load("queue")
    if job["state"] == JobState.SUCCEEDED:
        return "the job has succeeded; submit its spec again to run it once more"
    if JobState(job["state"]).is_final and not request.confirmed:
        last = conn.execute(load("look")["last_run"], {"job": id_}).fetchone()
        if last is not None and last["abandoned"]:
            return MAY_BE_ALIVE
    hindered = waiting.refusal(conn, id_)
    if hindered is not None:
        return f"it could not start: {hindered}"
    if job["state"] == JobState.ACTIVE:
        if job["want"] != Want.HOLD:
            return f"the job is {job['shown']}; cancel it first, or wait for its end"
        refused = _give_up_run(conn, id_, request, now)
        if refused is not None:
            return refused
    conn.execute(queue["trust_inputs"], {"job": id_})
    values = {"job": id_, "steady": now.steady, "reason": "a person asked for another run"}
    conn.execute(queue["allow_run"], values)
    record(conn, id_, "retry requested", now, always=True)
    line.tell(conn, id_, now)
    waiting.review(conn, [id_], now)
    waiting.follow(conn, id_, now)
    return None


def _give_up_run(conn: Connection, id_: str, request: Request, now: Now) -> str | None:
    """End the live run of a held job, if it is proved or confirmed not to be running any more."""
    row = conn.execute(load("look")["live_run"], {"job": id_}).fetchone()
    code, state = row["hold_code"], RunState(row["state"])
    if state is RunState.SUBMITTING:
        return "its run is being submitted; release or cancel the job instead"
    maybe_alive = code != "lost" and state in {RunState.UNKNOWN, RunState.RUNNING}
    if maybe_alive and not request.confirmed:
        return MAY_BE_ALIVE
    outcome = {"unknown": Outcome.ABANDONED, "lost": Outcome.LOST}.get(code, Outcome.ABANDONED)
    values = {"id": row["id"], "outcome": outcome, "wall": now.wall, "steady": now.steady}
    conn.execute(load("queue")["give_up_run"], values)
    values = {"job": id_, "state": JobState.QUEUED, "due": now.steady, "reason": "retry requested"}
    conn.execute(load("queue")["settle_job"], values)
    return None


def _adopt(conn: Connection, id_: str, job: Row, request: Request, now: Now) -> str | None:
    """Take a run for found that a person found: it goes on, or is stopped if that is the wish."""
    if job["state"] != JobState.ACTIVE or job["run_state"] != RunState.UNKNOWN:
        return f"only a run whose outcome is unknown can be adopted; the job is {job['shown']}"
    values = {"backend": job["backend"], "remote_id": request.remote_id}
    other = conn.execute(load("queue")["run_known_as"], values).fetchone()
    if other is not None:
        whose = f"run {other['number']} of job {other['job']} ({other['name']})"
        return f"{request.remote_id} on {job['backend']} is {whose} already"
    if job["want"] == Want.HOLD:
        _wish(conn, id_, Want.RUN, None)
    row = conn.execute(load("look")["live_run"], {"job": id_}).fetchone()
    adopted = Change(
        event=Event.ADOPTED,
        reason=f"adopted: a person found it on {job['backend']} as {request.remote_id}",
        due=now.steady,
        remote_id=request.remote_id,
        started=now.steady,
    )
    runs.move(conn, look.work(conn, row["id"]), adopted, now)
    return None


_DO = {
    Verb.CANCEL: _cancel,
    Verb.HOLD: _hold,
    Verb.RELEASE: _release,
    Verb.RETRY: _retry,
    Verb.ADOPT: _adopt,
}


def _wish(conn: Connection, id_: str, want: Want, hold: Hold | None) -> None:
    code, reason = (hold.code, hold.reason) if hold else (None, None)
    values = {"job": id_, "want": want, "code": code, "reason": reason}
    conn.execute(load("queue")["wish"], values)
