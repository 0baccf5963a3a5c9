"""Jobs that need the same thing to themselves: one run has it, the others stand in line for it.

A run has it by being there: from its row's first moment to the one in which it ends, held or not.
Here is only what people are told of it.
"""

from orchestrator.core.now import Now
from orchestrator.store.queries import load
from orchestrator.store.record import record
from orchestrator.store.sqlite import Connection


def taken(conn: Connection, lease: str, now: Now) -> None:
    """A run has it from now on: let those stand in line that need it, and tell them who has it."""
    sql, values = load("line"), {"lease": lease}
    untold = conn.execute(sql["untold"], values).fetchall()
    conn.execute(sql["tell"], values)
    for row in untold:
        _tell(conn, row["id"], now, always=False)


def tell(conn: Connection, job: str, now: Now) -> None:
    """Note in the history of a job that has just come into the line what it waits for."""
    _tell(conn, job, now, always=True)


def _tell(conn: Connection, job: str, now: Now, *, always: bool) -> None:
    words = waits_for(conn, job)
    if words is not None:
        record(conn, job, f"waits for {words}", now, always=always)


def waits_for(conn: Connection, job: str) -> str | None:
    """Return what a queued job waits for that another has: "study 21, which wing (7k2m) has"."""
    row = conn.execute(load("line")["holder"], {"job": job}).fetchone()
    if row is None:
        return None
    held = ", and that job is held" if row["held"] else ""
    return f"{row['lease']}, which {row['name']} ({row['id']}) has{held}"
