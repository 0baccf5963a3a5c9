"""One task that does what the calendar says is due, one chore after the other, for ever."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import structlog.typing
from anyio.to_thread import run_sync
from apscheduler.triggers.base import BaseTrigger

from orchestrator.config.home import Home
from orchestrator.config.room import amount, room_at
from orchestrator.core.faults import DiskFullError, FatalStorageError
from orchestrator.core.now import Now
from orchestrator.store import look
from orchestrator.store.database import Database
from orchestrator.store.migrate import SchemaError
from orchestrator.upkeep.backups import last_backup, make_backup
from orchestrator.upkeep.calendar import calendar, local_zone, trigger_of, was_due
from orchestrator.upkeep.checks import check_queue, check_results

Log = structlog.typing.FilteringBoundLogger
Chore = Callable[[], Awaitable[None]]


async def run_upkeep(
    *,
    db: Database,
    home: Home,
    log: Log,
    now: Callable[[], Now],
    backup: str | Literal[False],
    keep_backups: int,
    check: str | Literal[False],
    keep_free: int = 0,
) -> None:
    """Keep copies of the queue, and check it, at the times of two crontab lines (False: never).

    Copies leave `keep_free` bytes of the disk free: they must not take the last room from the jobs.
    A copy that came due while the daemon was down is made at the start. Chores that fail are
    logged, and tried again when they are next due. Runs until cancelled, unless there is nothing
    to do. Raises FatalStorageError when the process must end, ValueError for a bad crontab line.
    """
    zone = local_zone()
    if zone is None:
        log.warning("the time zone is not understood: chores are due by UTC", set_it="TZ")
    lines = {"backup": backup, "check": check}
    timetable = {name: trigger_of(line, zone or UTC) for name, line in lines.items() if line}
    chores: dict[str, Chore] = {
        "backup": partial(do_backup, home, log, now, keep_backups, keep_free=keep_free),
        "check": partial(do_check, db, home, log),
    }
    if backup and await is_missed(db, home, timetable["backup"], _utc(now())):
        await attempt("backup", chores["backup"], log)
    if timetable:
        await tend(timetable, chores, log)


async def tend(timetable: Mapping[str, BaseTrigger], chores: Mapping[str, Chore], log: Log) -> None:
    """Do each chore when it is due, until cancelled."""
    async with calendar(timetable) as due:
        while True:
            for name in sorted(await due()):
                await attempt(name, chores[name], log)


async def attempt(name: str, chore: Chore, log: Log) -> None:
    """Do a chore; only what must end the process comes out of it."""
    try:
        await chore()
    except FatalStorageError:
        raise
    except DiskFullError as error:
        log.warning("put off until it is next due", chore=name, error=str(error))
    except (SchemaError, OSError) as error:
        log.error("failed; tried again when it is next due", chore=name, error=str(error))  # noqa: TRY400 - foreseen
    except Exception:
        log.exception("internal error", chore=name)


async def is_missed(db: Database, home: Home, trigger: BaseTrigger, now: datetime) -> bool:
    """Whether a copy came due while no daemon ran; the first one as soon as there is something."""
    last = await run_sync(last_backup, home.backups)
    if last is None:
        return await db.read(look.last_history) > 0
    return was_due(trigger, last, now)


async def do_backup(
    home: Home, log: Log, now: Callable[[], Now], keep: int, *, keep_free: int
) -> None:
    """Copy the queue. Raises DiskFullError where that would leave too little room."""
    size, free = home.database.stat().st_size, room_at(home.backups, 0).free
    if free < size + keep_free:
        raise DiskFullError(
            f"no room for a copy of the queue: it needs {amount(size)}, {amount(free)} are free and"
            f" {amount(keep_free)} of them are to stay free"
        )
    made = await make_backup(home.database, home.backups, keep=keep, now=_utc(now()))
    log.info("the queue is copied", to=str(made))


async def do_check(db: Database, home: Home, log: Log) -> None:
    """Look for damage in the queue and in all results, and tell of it."""
    damage = await check_queue(db)
    if damage:
        log.error(
            "the queue is damaged",
            found=damage,
            advice=f"stop the daemon, then `orchestrator restore` the newest of {home.backups}",
        )
    damaged = await check_results(db, home)
    for folder, finding in damaged:
        log.error("a result is damaged", run=str(folder), path=finding.path, found=finding.text)
    log.info("checked", queue=len(damage), results=len(damaged))


def _utc(now: Now) -> datetime:
    return datetime.fromtimestamp(now.wall, UTC)
