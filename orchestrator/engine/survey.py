"""What one turn of the engine reads at once, and the two things it writes before it acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.lifecycle import JobState
from orchestrator.core.now import Now
from orchestrator.store import entrance, look, runs
from orchestrator.store.look import Due
from orchestrator.store.sqlite import Connection

DUE_AT_ONCE = 256  # rows of each backend
BACKLOG = 16  # live runs beside those short of their end: outputs that wait to be fetched


@dataclass(frozen=True, slots=True)
class Seen:
    """What may be done now. `next_due` is when a row that is not due yet becomes so."""

    due: list[Due]
    hinted: list[Due]
    startable: list[str]
    expired: list[str]
    cancelled: list[str]
    next_due: float | None


def survey(conn: Connection, now: Now, rooms: Mapping[str, int], hinted: Sequence[str]) -> Seen:
    """Read everything that can be acted on; `rooms` says how many runs each backend takes."""
    slots = look.slots(conn)
    startable: list[str] = []
    for backend, room in rooms.items():
        running, live = slots.get(backend, (0, 0))
        free = min(room - running, room + BACKLOG - live)
        if free > 0:
            startable += look.startable(conn, backend, now, free)
    expired, cancelled = look.overdue(conn, now)
    return Seen(
        due=[item for name in rooms for item in look.due_runs(conn, name, now, DUE_AT_ONCE)],
        hinted=look.hinted_runs(conn, hinted) if hinted else [],
        startable=startable,
        expired=expired,
        cancelled=cancelled,
        next_due=look.next_due(conn, now),
    )


def end_overdue(conn: Connection, seen: Seen, now: Now) -> None:
    """End queued jobs that are not to run any more."""
    for job in seen.expired:
        entrance.end_queued(conn, job, JobState.FAILED, "its deadline passed before it ran", now)
    for job in seen.cancelled:
        entrance.end_queued(conn, job, JobState.CANCELLED, "cancelled on request", now)


def start_runs(conn: Connection, named: Sequence[tuple[str, str, str]], now: Now) -> None:
    """Give jobs their next run: (job id, run id, key)."""
    for job, run, key in named:
        runs.start(conn, job, run, key, now)
