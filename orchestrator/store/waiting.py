"""Jobs that come after others: what they mean is pinned, and they are let go or ended in time.

Nothing asks again and again: whatever changes how a job stands calls here in the same transaction,
so that no crash can come between the end of a job and what it means for those that wait for it.
"""

from collections import deque
from collections.abc import Iterable

from orchestrator.core import after
from orchestrator.core.after import Earlier, Waits
from orchestrator.core.ids import ALPHABET, is_id
from orchestrator.core.lifecycle import JobState, Outcome, Shown, Want
from orchestrator.core.now import Now
from orchestrator.store import line
from orchestrator.store.queries import load
from orchestrator.store.record import record
from orchestrator.store.resolve import SHORTEST_PREFIX
from orchestrator.store.sqlite import Connection, Row


def earlier(conn: Connection, job: str) -> list[Earlier]:
    """Return what a job comes after, in the order written, as it stands."""
    return [_earlier(row) for row in conn.execute(load("waiting")["earlier"], {"job": job})]


def _earlier(row: Row) -> Earlier:
    return Earlier(
        word=row["word"],
        job=row["job"],
        name=row["name"],
        backend=row["backend"],
        state=None if row["state"] is None else JobState(row["state"]),
        shown=None if row["shown"] is None else Shown(row["shown"]),
        lost=bool(row["lost"]),
        remote_id=row["remote_id"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        last=bool(row["last"]),
        spoilt=bool(row["spoilt"]),
    )


def entered(conn: Connection, job: str, now: Now) -> None:
    """A job is new: it may wait, and others may have waited for one of its name."""
    named = conn.execute(load("waiting")["open_for"], {"job": job}).fetchall()
    _look_again(conn, job, now, tell=True)
    review(conn, [row["job"] for row in named], now)


def follow(conn: Connection, job: str, now: Now) -> None:
    """It changed how a job stands: see what that means for all that come after it."""
    review(conn, _after(conn, job), now)


def review_all(conn: Connection, now: Now) -> None:
    """Look at every unfinished job that comes after others, in the order of acceptance."""
    found = conn.execute(load("waiting")["all_that_wait"]).fetchall()
    review(conn, [row["id"] for row in found], now)


def review(conn: Connection, jobs: Iterable[str], now: Now) -> None:
    """Look again at jobs that may come after others, and at those after what thereby changed."""
    todo = deque(jobs)
    while todo:
        job = todo.popleft()
        if _look_again(conn, job, now):
            todo.extend(_after(conn, job))


def end_queued(conn: Connection, job: str, state: JobState, reason: str, now: Now) -> None:
    """End a job that has no live run, and with it what waits for it."""
    _end(conn, job, state, reason, now)
    follow(conn, job, now)


def refusal(conn: Connection, job: str) -> str | None:
    """Return in words why a job could not start if it were tried again; None when it could."""
    seq = conn.execute(load("waiting")["standing"], {"job": job}).fetchone()["seq"]
    return after.hindrance(earlier(conn, job)) or _circle(conn, job, seq)


def _end(conn: Connection, job: str, state: JobState, reason: str, now: Now) -> None:
    values = {"job": job, "state": state, "due": now.steady, "reason": reason}
    conn.execute(load("queue")["settle_job"], values)
    record(conn, job, reason, now)


def _after(conn: Connection, job: str) -> list[str]:
    return [row["job"] for row in conn.execute(load("waiting")["after_it"], {"job": job})]


def _look_again(conn: Connection, id_: str, now: Now, *, tell: bool = False) -> bool:
    """Bring one job up to date; return whether that changes anything for what comes after it.

    What it waits for is noted in the history when that became known, or with `tell`.
    """
    sql = load("waiting")
    job = conn.execute(sql["standing"], {"job": id_}).fetchone()
    if job["words"] == 0 or JobState(job["state"]).is_final:
        return False
    pinned = _pin(conn, id_, job["seq"])
    found = earlier(conn, id_)
    waits = after.waits(found, job["backend"])
    if job["state"] == JobState.ACTIVE:
        conn.execute(sql["set_waits"], {"job": id_, "waits": waits})
        if waits is Waits.YES:
            return _spoil(conn, id_, after.spoiled_by(found, job["backend"]), now)
        if waits is Waits.NO and job["waits"] != waits:
            conn.execute(sql["let_go"], {"job": id_, "steady": now.steady})
        return False
    why = after.hindrance(found) or _circle(conn, id_, job["seq"])
    if why is not None and job["want"] == Want.RUN:
        _end(conn, id_, JobState.CANCELLED, f"not started: {why}", now)
        return True
    conn.execute(sql["set_waits"], {"job": id_, "waits": waits})
    if waits is Waits.NO:
        record(conn, id_, after.met(found), now)
        if job["waits"] != waits:
            line.tell(conn, id_, now)
    else:
        record(conn, id_, f"waits for {after.in_words(found)}", now, always=pinned or tell)
    return False


def _spoil(conn: Connection, id_: str, why: str, now: Now) -> bool:
    """Have a run stopped that began early, for nothing; return False when it is so already."""
    values = {"job": id_, "why": why, "steady": now.steady}
    return bool(conn.execute(load("waiting")["spoil_run"], values).rowcount)


def _pin(conn: Connection, id_: str, seq: int) -> bool:
    """Settle what the open words of a job mean, where that can be told; True if any was."""
    sql, pinned = load("waiting"), False
    for row in conn.execute(sql["open_words"], {"job": id_}).fetchall():
        meant = _meant(conn, row["word"], id_, seq)
        if meant is None or _waits_in_turn(conn, meant, id_):
            continue
        conn.execute(sql["pin"], {"job": id_, "n": row["n"], "awaits": meant})
        pinned = True
    return pinned


def _meant(conn: Connection, word: str, id_: str, seq: int) -> str | None:
    """Return which job a word means: by id, by name (before, else after), by beginning of an id."""
    sql, values = load("waiting"), {"word": word, "job": id_, "seq": seq}
    asked = ["with_id"] if is_id(word) else []
    for query in (*asked, "named_before", "named_later"):
        row = conn.execute(sql[query], values).fetchone()
        if row is not None:
            return str(row["id"])
    if len(word) < SHORTEST_PREFIX or not set(word) <= set(ALPHABET):
        return None
    values["high"] = word + "~"
    begun = conn.execute(sql["begun_before"], values).fetchall()
    return str(begun[0]["id"]) if len(begun) == 1 else None


def _circle(conn: Connection, id_: str, seq: int) -> str | None:
    """Return in words why a job would wait for itself; None when it would not.

    Such a word is never pinned: the job that closes the circle ends, and all others with it.
    """
    sql = load("waiting")
    for row in conn.execute(sql["open_words"], {"job": id_}).fetchall():
        meant = _meant(conn, row["word"], id_, seq)
        if meant is not None and _waits_in_turn(conn, meant, id_):
            return f"it comes after {row['word']} ({meant}), and that, in the end, after this job"
    return None


def _waits_in_turn(conn: Connection, job: str, for_: str) -> bool:
    """Whether a job comes after another, however many lie between them."""
    values = {"job": for_, "first": job}
    return conn.execute(load("waiting")["in_turn"], values).fetchone() is not None
