"""What the tests of the queue make: jobs, readings of time, a queue on a real disk."""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from orchestrator.core.ids import id_from_bits, key_of
from orchestrator.core.intake import Input, NewJob, Request, Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec
from orchestrator.core.work import Change, Hold, HoldCode, Work
from orchestrator.store import audit, entrance, look, migrate, runs
from orchestrator.store.sqlite import Connection, Row, connect_writer

START = Now(steady=1000.0, wall=1_700_000_000.0)


def at(seconds: float) -> Now:
    """Return the reading so many seconds after START."""
    return Now(START.steady + seconds, START.wall + seconds)


def new_id(number: int) -> str:
    """Return the id with this number; ids of small numbers differ in their first characters."""
    return id_from_bits(number)


def new_job(number: int, name: str = "wing", *inputs: Input, **spec: object) -> NewJob:
    """Return a drop that passed every check; `spec` are further keys of its spec."""
    written = {"name": name, "run": {"command": ["true"]}} | spec
    return NewJob(
        id=new_id(number),
        spec=JobSpec.model_validate(written),
        text=json.dumps(written, default=str).encode(),
        file="job.json",
        drop=f"{name}.json",
        uid=1000,
        inputs=inputs,
    )


def ask(verb: str, job: str, *, number: int = 900, **more: Any) -> Request:
    """Return a request; `number` makes its id."""
    if verb == "adopt":
        more.setdefault("remote_id", "found-there")
    return Request(new_id(number), Verb(verb), job, **more)


def names(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def open_queue(folder: Path) -> Connection:
    """Return a connection to the queue in this folder, made or migrated as the daemon does."""
    conn = connect_writer(folder / "queue.db", migrate.version)
    migrate.migrate(conn, folder)
    return conn


@contextmanager
def empty_queue(folder: Path) -> Iterator[Connection]:
    """Open a queue in which nothing is."""
    with closing(open_queue(folder)) as conn:
        conn.execute(
            "INSERT INTO home (only, id, steady, boot_seconds, boot_id, wall)"
            " VALUES (1, 'homehome', 0, 0, '', 0)"
        )
        yield conn


@contextmanager
def in_order(queue: Connection, rules: Sequence[str]) -> Iterator[Connection]:
    """Undo what a test writes, after it was found to keep these rules."""
    queue.execute("BEGIN")
    yield queue
    assert [audit.broken(queue, rule) for rule in rules] == [[]] * len(rules)
    assert audit.misshown(queue) == []
    queue.execute("ROLLBACK")


def row(conn: Connection, table: str, key: str) -> Row:
    """Return the row of a job or run."""
    found: Row = conn.execute(f"SELECT * FROM {table} WHERE id = ?", (key,)).fetchone()  # noqa: S608
    return found


def change(event: Event, **fields: object) -> Change:
    """Return a change with nothing special about it."""
    return Change(event=event, reason=f"because of {event}", due=START.steady, **fields)  # type: ignore[arg-type]


def hold(event: Event, code: HoldCode) -> Change:
    """Return a change by which the daemon asks for a person."""
    return change(event, hold=Hold(code, f"held: {code}"))


STAGED = change(Event.STAGED)
ACCEPTED = change(Event.ACCEPTED, remote_id="?", started=START.steady)
DOUBTFUL = change(Event.DOUBTFUL, error="no answer", doubt_since=START.steady)
WENT_WELL = change(Event.FINISHED, outcome=Outcome.SUCCEEDED, exit_code=0)
WENT_BADLY = change(Event.FINISHED, outcome=Outcome.FAILED, exit_code=1)
SUCCEEDED = change(Event.PUBLISHED, job=JobState.SUCCEEDED)
FAILED = change(Event.PUBLISHED, job=JobState.FAILED)
AGAIN = change(Event.PUBLISHED, job=JobState.QUEUED, job_due=START.steady + 600)
CANCELLED = change(Event.DROPPED, outcome=Outcome.CANCELLED, job=JobState.CANCELLED)


def start_run(conn: Connection, job: str, number: int) -> Work:
    """Give a queued job a run with the id of this number."""
    run = new_id(number)
    assert runs.start(conn, job, run, key_of("homehome", run), START)
    return look.work(conn, run)


def move(conn: Connection, work: Work, *changes: Change) -> Work:
    """Write changes one after the other, as the engine does; return the run as it is then."""
    for each in changes:
        remote_id = None if each.remote_id is None else f"remote {work.run}"
        sha256 = "0" * 64 if each.event is Event.PUBLISHED else None
        runs.move(conn, work, replace(each, remote_id=remote_id), START, manifest_sha256=sha256)
        work = look.work(conn, work.run)
    return work


SITUATIONS: dict[str, tuple[Change | str, ...]] = {
    "staging": (),
    "submitting": (STAGED,),
    "unknown": (STAGED, DOUBTFUL),
    "running": (STAGED, ACCEPTED),
    "harvesting": (STAGED, ACCEPTED, WENT_WELL),
    "staging, held": ("hold",),
    "submitting, held": (STAGED, "hold"),
    "unknown, held": (STAGED, DOUBTFUL, "hold"),
    "running, held": (STAGED, ACCEPTED, "hold"),
    "harvesting, held": (STAGED, ACCEPTED, WENT_BADLY, "hold"),
    "input changed": (hold(Event.STAGE_STEP, "input"),),
    "unknown outcome": (STAGED, DOUBTFUL, hold(Event.UNCLEAR, "unknown")),
    "lost": (STAGED, ACCEPTED, hold(Event.ALIVE, "lost")),
    "outputs": (STAGED, ACCEPTED, WENT_WELL, hold(Event.HARVEST_STEP, "outputs")),
    "cancelling": (STAGED, ACCEPTED, "cancel"),
    "waiting": (STAGED, ACCEPTED, WENT_BADLY, AGAIN),
    "waiting, held": (STAGED, ACCEPTED, WENT_BADLY, AGAIN, "hold"),
    "succeeded": (STAGED, ACCEPTED, WENT_WELL, SUCCEEDED),
    "failed": (STAGED, ACCEPTED, WENT_BADLY, FAILED),
    "cancelled": (CANCELLED,),
}
"""How a job comes to stand as the name says, from its first run on."""


def situate(conn: Connection, situation: str, number: int = 1) -> str:
    """Accept a job and bring it into a situation; return its id. Its run has the number + 500."""
    job = new_job(number)
    entrance.accept(conn, job, START)
    if situation == "queued":
        return job.id
    if situation == "queued, held":
        assert entrance.apply(conn, ask("hold", job.id, number=number + 300), START) is None
        return job.id
    work = start_run(conn, job.id, number + 500)
    for step in SITUATIONS[situation]:
        if isinstance(step, Change):
            work = move(conn, work, step)
        else:
            assert entrance.apply(conn, ask(step, job.id, number=number + 300), START) is None
    return job.id
