"""The history: one entry whenever what people see of a job changes, in the same transaction."""

from orchestrator.core.after import Waits
from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import JobState, RunState, Shown, Want, shown
from orchestrator.core.now import Now
from orchestrator.store.queries import load
from orchestrator.store.sqlite import Connection, Row


def record(conn: Connection, job: str, reason: str, now: Now, *, always: bool = False) -> None:
    """Derive what people see of the job now; write an entry if it changed, or `always`."""
    queue = load("queue")
    row = conn.execute(queue["job_now"], {"job": job}).fetchone()
    live = row["run_state"] if row["state"] == "active" else None
    word = shown(
        JobState(row["state"]),
        Want(row["want"]),
        None if live is None else RunState(live),
        waiting=row["runs"] > 0 or row["waits"] != Waits.NO or bool(row["in_line"]),
    )
    first = row["shown_since"] is None
    if word == row["shown"] and not (first or always):
        return
    add_entry(
        conn,
        job=job,
        name=row["name"],
        run=row["number"],
        backend=row["backend"],
        remote_id=row["remote_id"],
        source=None if first else row["shown"],
        target=word,
        lasted=None if first else max(0.0, now.steady - row["shown_since"]),
        reason=reason,
        at=now.wall,
    )
    conn.execute(queue["show_job"], {"job": job, "shown": word, "steady": now.steady})


def add_entry(conn: Connection, **fields: object) -> None:
    """Append one entry as it is given."""
    conn.execute(load("queue")["add_history"], fields)


def entry(row: Row) -> Entry:
    """Return the entry that a row of the history table holds."""
    return Entry(
        seq=row["seq"],
        at=row["at"],
        job=row["job"],
        name=row["name"],
        run=row["run"],
        backend=row["backend"],
        remote_id=row["remote_id"],
        source=None if row["source"] is None else Shown(row["source"]),
        target=Shown(row["target"]),
        lasted=row["lasted"],
        reason=row["reason"],
    )
