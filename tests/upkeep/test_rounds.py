"""Chores: copies that can be restored, checks that find damage, and nothing that stops the rest."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio
import pytest
import structlog
from apscheduler.triggers.date import DateTrigger
from structlog.testing import CapturingLogger

from orchestrator.config.home import Home
from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.core.now import Now
from orchestrator.store import entrance, migrate
from orchestrator.store.database import Database, checkpoint, open_database
from orchestrator.store.sqlite import connect_reader
from orchestrator.upkeep import run_upkeep
from orchestrator.upkeep.backups import last_backup, make_backup
from orchestrator.upkeep.calendar import trigger_of
from orchestrator.upkeep.checks import check_queue
from orchestrator.upkeep.rounds import attempt, do_backup, do_check, is_missed, tend
from tests.store.making import START, names, new_id, new_job, situate

EVENING = datetime(2026, 11, 1, 18, 0, 0, tzinfo=UTC)
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class Heard(list[tuple[str, dict[str, object]]]):
    """What was logged: level, and the fields with the event."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        super().__init__()
        self._calls: dict[object, Callable[[], None]] = {}

    def on(self, event: str, call: Callable[[], None]) -> None:
        """Call back when an event is heard."""
        self._calls[event] = call

    def note(self, _: object, level: str, fields: structlog.typing.EventDict) -> str:
        """Take a log line in: a processor of structlog."""
        self.append((level, dict(fields)))
        self._calls.get(fields["event"], int)()
        return json.dumps(fields, default=str)

    def said(self, level: str) -> list[object]:
        """Return the events of one level."""
        return [fields["event"] for at, fields in self if at == level]


@pytest.fixture
def heard() -> Heard:
    """Return an empty log book."""
    return Heard()


@pytest.fixture
def log(heard: Heard) -> structlog.typing.FilteringBoundLogger:
    """Return a logger that writes into the log book."""
    made: structlog.typing.FilteringBoundLogger = structlog.wrap_logger(
        CapturingLogger(),
        processors=[heard.note],
        wrapper_class=structlog.make_filtering_bound_logger(0),
    )
    return made


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home with the folders that chores use."""
    home = Home(tmp_path / "home")
    for folder in (home.backups, home.results):
        folder.mkdir(parents=True)
    return home


@pytest.fixture
async def db(home: Home) -> AsyncIterator[Database]:
    """Return its queue."""
    async with open_database(home.database, home.backups) as db:
        yield db


def jobs_in(path: Path) -> int:
    """Return how many jobs are in a queue; see that it is whole."""
    with closing(connect_reader(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        found: int = conn.execute("SELECT count(*) FROM job").fetchone()[0]
    return found


def at(moment: datetime) -> Callable[[], Now]:
    """Return a clock that stands."""
    return lambda: Now(steady=0.0, wall=moment.timestamp())


async def test_a_backup_is_a_queue_of_its_own(db: Database, home: Home) -> None:
    """Otherwise the day it is needed is the day it turns out to be useless."""
    await db.write(entrance.accept, new_job(1), START)
    made = await make_backup(home.database, home.backups, keep=7, now=EVENING)
    await db.write(entrance.accept, new_job(2), START)
    assert made == home.backups / "queue-20261101T180000Z.db"
    assert jobs_in(made) == 1
    restored = Home(home.root / "restored")
    restored.state.mkdir(parents=True)
    restored.database.write_bytes(made.read_bytes())
    async with open_database(restored.database, home.backups) as other:
        await other.write(entrance.accept, new_job(3), START)
    assert jobs_in(restored.database) == 2


@pytest.mark.usefixtures("db")
async def test_the_newest_are_kept(home: Home) -> None:
    """Otherwise copies fill the disk, or the good ones are thrown away; others' files stay."""
    others = ["before-schema-2.db", "queue-old.db", "queue-20261101T180000Z.db.txt", "notes"]
    for name in others:
        (home.backups / name).write_text("mine")
    (home.backups / ".queue-20261101T170000Z.db.part").write_text("left by a kill")
    (home.backups / ".queue-20261101T170000Z.db.part-journal").write_text("left by a kill")
    for day in range(1, 6):
        await make_backup(home.database, home.backups, keep=3, now=EVENING.replace(day=day))
    kept = [f"queue-202611{day:02}T180000Z.db" for day in (3, 4, 5)]
    assert names(home.backups) == sorted(others + kept)


@pytest.mark.usefixtures("db")
async def test_a_copy_from_the_future_does_not_push_out_the_fresh_one(home: Home) -> None:
    """Otherwise, after a clock that was wrong, every new copy is removed at once."""
    await make_backup(home.database, home.backups, keep=1, now=EVENING.replace(year=2040))
    made = await make_backup(home.database, home.backups, keep=1, now=EVENING)
    assert names(home.backups) == [made.name]


@pytest.mark.usefixtures("db")
async def test_a_copy_leaves_room_for_the_jobs(
    home: Home, log: structlog.typing.FilteringBoundLogger
) -> None:
    """Otherwise the nightly copy makes the disk full under the runs."""
    with pytest.raises(DiskFullError, match="no room for a copy of the queue: it needs"):
        await do_backup(home, log, at(EVENING), 7, keep_free=1 << 60)
    assert names(home.backups) == []
    await do_backup(home, log, at(EVENING), 7, keep_free=0)
    assert len(names(home.backups)) == 1


def test_when_the_last_copy_was_made(tmp_path: Path) -> None:
    """Otherwise a missed copy is not noticed."""
    assert last_backup(tmp_path) is None
    for name in ("queue-20261101T180000Z.db", "queue-20251101T180000Z.db", "queue-x.db"):
        (tmp_path / name).touch()
    assert last_backup(tmp_path) == EVENING


@pytest.mark.parametrize(
    ("last", "jobs", "made"),
    [
        (None, 0, False),  # a new home: there is nothing to copy
        (None, 1, True),
        ("queue-20261101T023000Z.db", 1, True),  # 03:30 has passed since
        ("queue-20261101T033000Z.db", 1, False),
        ("queue-20400101T000000Z.db", 1, False),
    ],
)
async def test_a_missed_copy_is_made_at_the_start(
    db: Database,
    home: Home,
    last: str | None,
    jobs: int,
    *,
    made: bool,
) -> None:
    """Otherwise a workstation that is switched off at night never gets a copy."""
    for number in range(jobs):
        await db.write(entrance.accept, new_job(number), START)
    if last is not None:
        (home.backups / last).touch()
    trigger = trigger_of("30 3 * * *", UTC)
    assert await is_missed(db, home, trigger, EVENING) is made


async def test_upkeep_as_the_daemon_runs_it(
    db: Database, home: Home, log: structlog.typing.FilteringBoundLogger, heard: Heard
) -> None:
    """Otherwise the parts work and nobody calls them."""
    await db.write(entrance.accept, new_job(1), START)
    copied = anyio.Event()
    heard.on("the queue is copied", copied.set)
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(
                partial(
                    run_upkeep,
                    db=db,
                    home=home,
                    log=log,
                    now=at(EVENING),
                    backup="30 3 * * *",
                    keep_backups=7,
                    check="0 4 * * sun",
                )
            )
            await copied.wait()
            group.cancel_scope.cancel()
    assert jobs_in(home.backups / "queue-20261101T180000Z.db") == 1


async def test_without_chores_it_ends(
    db: Database, home: Home, log: structlog.typing.FilteringBoundLogger
) -> None:
    """Otherwise `false` in the configuration is not obeyed."""
    await db.write(entrance.accept, new_job(1), START)
    with anyio.fail_after(60):
        await run_upkeep(
            db=db, home=home, log=log, now=at(EVENING), backup=False, keep_backups=7, check=False
        )
    assert names(home.backups) == []


async def test_what_is_due_is_done(log: structlog.typing.FilteringBoundLogger) -> None:
    """Otherwise the calendar rings and nobody comes; one chore's fault must not stop the other."""
    done: list[str] = []
    both = anyio.Event()

    async def fail() -> None:
        done.append("a")
        raise RuntimeError("mine")

    async def work() -> None:
        done.append("b")
        both.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            trigger = DateTrigger(LONG_AGO)
            group.start_soon(tend, {"a": trigger, "b": trigger}, {"a": fail, "b": work}, log)
            await both.wait()
            group.cancel_scope.cancel()
    assert done == ["a", "b"]


@pytest.mark.parametrize(
    ("error", "level", "event"),
    [
        (DiskFullError("no space"), "warning", "put off until it is next due"),
        (migrate.SchemaError("bad copy"), "error", "failed; tried again when it is next due"),
        (PermissionError(13, "no"), "error", "failed; tried again when it is next due"),
        (RuntimeError("mine"), "error", "internal error"),
    ],
)
async def test_a_chore_that_fails_is_told_of(
    log: structlog.typing.FilteringBoundLogger,
    heard: Heard,
    error: Exception,
    level: str,
    event: str,
) -> None:
    """Otherwise a year without copies passes unnoticed, or one bad night ends the daemon."""

    async def chore() -> None:
        raise error

    await attempt("backup", chore, log)
    assert heard.said(level) == [event]


async def test_a_fatal_fault_ends_the_process(
    log: structlog.typing.FilteringBoundLogger,
) -> None:
    """Otherwise the daemon goes on over a disk that has failed."""

    async def chore() -> None:
        raise FatalStorageError("gone")

    with pytest.raises(FatalStorageError):
        await attempt("backup", chore, log)


async def test_a_sound_queue_passes(db: Database) -> None:
    """Otherwise the check cries wolf every Sunday."""
    for number, situation in enumerate(("running", "failed", "waiting"), 1):
        await db.write(situate, situation, number)
    assert await check_queue(db) == []


async def test_a_damaged_index_is_found_and_told(
    home: Home, log: structlog.typing.FilteringBoundLogger, heard: Heard
) -> None:
    """Otherwise rows that a lookup cannot find stay lost until somebody misses them."""
    async with open_database(home.database, home.backups) as db:
        for number in range(50):
            await db.write(entrance.accept, new_job(number), START)
        await db.read(checkpoint)
    with closing(sqlite3.connect(home.database, isolation_level=None)) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        conn.execute("UPDATE sqlite_schema SET sql = replace(sql, 'ON job (name)', 'ON job (id)')")
    async with open_database(home.database, home.backups) as db:
        found = await check_queue(db)
        assert any("job_name" in line for line in found)
        await do_check(db, home, log)
    ((_, told),) = [it for it in heard if it[1]["event"] == "the queue is damaged"]
    assert "orchestrator restore" in str(told["advice"])
    assert str(home.backups) in str(told["advice"])


async def test_a_damaged_result_is_told(
    db: Database, home: Home, log: structlog.typing.FilteringBoundLogger, heard: Heard
) -> None:
    """Otherwise bit rot is found years later, by the person who needs the result."""
    job = await db.write(situate, "succeeded", 1)  # what was published is not there any more
    await do_check(db, home, log)
    ((_, told),) = [it for it in heard if it[1]["event"] == "a result is damaged"]
    assert told["run"] == str(home.results / f"wing-{job}" / "1")
    assert new_id(1) == job
    assert heard.said("info") == ["checked"]
