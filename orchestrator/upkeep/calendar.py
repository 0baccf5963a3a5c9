"""When chores are due, by the wall clock. What they do is done elsewhere."""

import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta, tzinfo

import anyio
import anyio.lowlevel
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger

from orchestrator.core.crontab import Crontab, parse_crontab

LOOK_AGAIN = 60.0
"""Seconds within which it is noticed that the machine slept, or that its clock was set."""

# By name, since the library counts weekdays from Monday and cron counts from Sunday.
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def local_zone() -> tzinfo | None:
    """Return this machine's time zone, None when it is set to what the library cannot read."""
    try:
        zone: tzinfo = AsyncIOScheduler().timezone
    except (LookupError, ValueError):
        return None
    return zone


def trigger_of(line: str, zone: tzinfo) -> BaseTrigger:
    """Return when a crontab line is due. Raises ValueError when it is none."""
    crontab = parse_crontab(line)
    days = _listed(crontab.days)
    weekdays = ",".join(_WEEKDAYS[number] for number in sorted(crontab.weekdays))
    if not crontab.either_day:
        return _trigger(crontab, days, weekdays, zone)
    return OrTrigger([_trigger(crontab, days, "*", zone), _trigger(crontab, "*", weekdays, zone)])


def _trigger(crontab: Crontab, days: str, weekdays: str, zone: tzinfo) -> BaseTrigger:
    return CronTrigger(
        minute=_listed(crontab.minutes),
        hour=_listed(crontab.hours),
        day=days,
        month=_listed(crontab.months),
        day_of_week=weekdays,
        timezone=zone,
    )


def _listed(numbers: frozenset[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def was_due(trigger: BaseTrigger, after: datetime, now: datetime) -> bool:
    """Whether a trigger was due at least once after one moment and up to another."""
    just_after = after + timedelta(microseconds=1)
    moment: datetime | None = trigger.get_next_fire_time(None, just_after)
    return moment is not None and moment <= now


@asynccontextmanager
async def calendar(
    timetable: Mapping[str, BaseTrigger],
) -> AsyncIterator[Callable[[], Awaitable[set[str]]]]:
    """Give a function that waits until something is due, and returns the names of all that is.

    What was missed while the machine slept or the last chore took long is due once, late.
    """
    send, receive = anyio.create_memory_object_stream[str](math.inf)

    async def ring(name: str) -> None:  # a coroutine: the library runs other functions in threads
        send.send_nowait(name)

    async def take() -> set[str]:
        names = {await receive.receive()}
        with suppress(anyio.WouldBlock):
            while True:
                names.add(receive.receive_nowait())
        return names

    scheduler = AsyncIOScheduler(timezone=UTC)
    for name, trigger in timetable.items():
        scheduler.add_job(
            ring, trigger, args=[name], id=name, coalesce=True, misfire_grace_time=None
        )
    scheduler.start()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(_keep_time, scheduler)
            yield take
            group.cancel_scope.cancel()
    finally:
        scheduler.shutdown(wait=False)
        with anyio.CancelScope(shield=True):
            await anyio.lowlevel.checkpoint()  # the library only now lets go of its timer
        send.close()
        receive.close()


async def _keep_time(scheduler: AsyncIOScheduler) -> None:
    while True:
        await anyio.sleep(LOOK_AGAIN)
        correct(scheduler, datetime.now(UTC))


def correct(scheduler: AsyncIOScheduler, now: datetime) -> None:
    """Bring the library's timer back in step with the wall clock.

    It sleeps by the monotonic clock: over a suspend, and over a clock that is set forward, too
    long. And it never takes back a time that it has chosen: where the clock was years ahead at
    the start, nothing would be due for years.
    """
    for job in scheduler.get_jobs():
        soonest = job.trigger.get_next_fire_time(None, now)
        if soonest is not None and job.next_run_time > soonest:
            job.modify(next_run_time=soonest)
    scheduler.wakeup()
