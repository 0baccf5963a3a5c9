"""What one turn of the engine reads at once, and the two things it writes before it acts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import JobState, RunState
from orchestrator.core.now import Now
from orchestrator.core.work import Work
from orchestrator.store import look, runs
from orchestrator.store.look import Due
from orchestrator.store.sqlite import Connection
from orchestrator.store.waiting import end_queued

DUE_AT_ONCE = 256  # rows of each backend
BACKLOG = 16  # live runs beside those short of their end: outputs that wait to be fetched


@dataclass(frozen=True, slots=True)
class Room:
    """What a backend has room for: runs in all, acts that begin now, runs that share one poll.

    `early` says that it holds runs back by itself, and may have them before it may start them.
    """

    runs: int
    acts: int
    poll_batch: int
    early: bool = False


@dataclass(frozen=True, slots=True)
class View:
    """What a turn asks for: hints came for the keys `hinted`, acts are at work on the runs `busy`.

    What is busy was in an act when the look began, and may be seen as it was before the act ended.
    """

    now: Now
    rooms: Mapping[str, Room]
    hinted: Collection[str]
    busy: Collection[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What may be done now.

    `acts` has for each backend the runs of every act that has room. `hinted` are the running runs
    of the hints. `next_due` is when a row that is not due yet becomes so.
    """

    acts: dict[str, list[list[Work]]]
    hinted: list[Due]
    startable: list[str]
    expired: list[str]
    cancelled: list[str]
    next_due: float | None


def survey(conn: Connection, view: View) -> Seen:
    """Read everything that can be acted on."""
    slots = look.slots(conn)
    hinted = look.hinted_runs(conn, sorted(view.hinted)) if view.hinted else []
    startable: list[str] = []
    acts: dict[str, list[list[Work]]] = {}
    for backend, room in view.rooms.items():
        running, live = slots.get(backend, (0, 0))
        free = min(room.runs - running, room.runs + BACKLOG - live)
        if free > 0:
            startable += _startable(conn, backend, room, view.now, free)
        if room.acts > 0:
            due = look.due_runs(conn, backend, view.now, DUE_AT_ONCE)
            due += [item for item in hinted if item.backend == backend]
            idle = [item for item in due if item.run not in view.busy]
            acts[backend] = [
                [look.work(conn, run) for run in batch] for batch in share_out(idle, room)
            ]
    expired, cancelled = look.overdue(conn, view.now)
    return Seen(
        acts=acts,
        hinted=hinted,
        startable=look.in_order(conn, startable) if len(startable) > 1 else startable,
        expired=expired,
        cancelled=cancelled,
        next_due=look.next_due(conn, view.now),
    )


def _startable(conn: Connection, backend: str, room: Room, now: Now, free: int) -> list[str]:
    """Return jobs that may start; those that would only wait over there come last."""
    found = look.startable(conn, backend, now, free)
    if room.early and len(found) < free:
        found += look.startable(conn, backend, now, free - len(found), Waits.BEHIND)
    return found


def share_out(due: Iterable[Due], room: Room) -> list[list[str]]:
    """Return the runs of each act there is room for; runs that are polled share acts."""
    batches: list[list[str]] = []
    polls: list[str] = []
    taken: set[str] = set()
    for item in due:
        if item.run in taken:
            continue
        if item.state is RunState.RUNNING and 0 < len(polls) < room.poll_batch:
            polls.append(item.run)
        elif len(batches) < room.acts:
            batches.append([item.run])
            if item.state is RunState.RUNNING:
                polls = batches[-1]
        else:
            continue
        taken.add(item.run)
    return batches


def begin(conn: Connection, seen: Seen, named: Sequence[tuple[str, str, str]], view: View) -> Seen:
    """End what is overdue, give jobs their next run (job id, run id, key), and look again."""
    for job in seen.expired:
        why = "its deadline passed before it ran"
        end_queued(conn, job, JobState.FAILED, why, view.now)
    for job in seen.cancelled:
        end_queued(conn, job, JobState.CANCELLED, "cancelled on request", view.now)
    for job, run, key in named:
        runs.start(conn, job, run, key, view.now)
    return survey(conn, view)
