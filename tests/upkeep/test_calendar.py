"""Chores are due when cron says so; a machine that slept, or a wrong clock, does not lose them."""

import os
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import anyio
import pytest
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.date import DateTrigger

from orchestrator.core.crontab import Crontab, parse_crontab
from orchestrator.upkeep.calendar import calendar, correct, trigger_of, was_due

BERLIN = ZoneInfo("Europe/Berlin")
LONG_AGO, FAR_AWAY = datetime(2001, 1, 1, tzinfo=UTC), datetime(2999, 1, 1, tzinfo=UTC)


def times(line: str, start: datetime, count: int) -> list[str]:
    """Return the next moments at which a line is due, by the clock of the start's zone."""
    assert start.tzinfo is not None
    trigger, found, moment = trigger_of(line, start.tzinfo), [], start
    for _ in range(count):
        moment = trigger.get_next_fire_time(None, moment + timedelta(microseconds=1))
        found.append(moment.strftime("%a %d %b %H:%M"))
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("30 3 * * *", ["Sun 01 Nov 03:30", "Mon 02 Nov 03:30", "Tue 03 Nov 03:30"]),
        ("0 4 * * sun", ["Sun 01 Nov 04:00", "Sun 08 Nov 04:00", "Sun 15 Nov 04:00"]),
        ("0 4 * * 0", ["Sun 01 Nov 04:00", "Sun 08 Nov 04:00", "Sun 15 Nov 04:00"]),
        ("0 4 * * 7", ["Sun 01 Nov 04:00", "Sun 08 Nov 04:00", "Sun 15 Nov 04:00"]),
        ("0 4 * * 1", ["Mon 02 Nov 04:00", "Mon 09 Nov 04:00", "Mon 16 Nov 04:00"]),
        ("0 4 * * 5-7", ["Sun 01 Nov 04:00", "Fri 06 Nov 04:00", "Sat 07 Nov 04:00"]),
        ("0 4 13 * fri", ["Fri 06 Nov 04:00", "Fri 13 Nov 04:00", "Fri 20 Nov 04:00"]),
        ("0 4 3 * 1", ["Mon 02 Nov 04:00", "Tue 03 Nov 04:00", "Mon 09 Nov 04:00"]),
        ("*/45 23 * * *", ["Sun 01 Nov 23:00", "Sun 01 Nov 23:45", "Mon 02 Nov 23:00"]),
    ],
)
def test_lines_are_due_when_cron_says(line: str, expected: list[str]) -> None:
    """Otherwise the weekly check runs on Mondays, and a date with a weekday nearly never."""
    assert times(line, datetime(2026, 11, 1, tzinfo=UTC), 3) == expected


def named(crontab: Crontab, moment: datetime) -> bool:
    """Whether this minute is named: the plainest reading there is."""
    in_hour, in_day = moment.minute in crontab.minutes, moment.hour in crontab.hours
    return in_hour and in_day and is_day_of(crontab, moment)


def is_day_of(crontab: Crontab, moment: datetime) -> bool:
    """Whether a minute of this day is named."""
    date, weekday = moment.day in crontab.days, moment.isoweekday() % 7 in crontab.weekdays
    day = (date or weekday) if crontab.either_day else (date and weekday)
    return day and moment.month in crontab.months


@pytest.mark.parametrize("seed", range(30))
def test_any_line_is_due_at_the_minutes_that_it_names(seed: int) -> None:
    """Otherwise some combination of fields is misread; the seed tells which."""
    draw = random.Random(seed)
    day = draw.choice(["*", "*", "13", "1-7", "*/5", "31"])
    weekday = draw.choice(["*", "*", "0", "7", "1-5", "sat,sun", "*/2"])
    minute, hour = draw.choice(["0", "*/20", "59"]), draw.choice(["*", "3", "22-23"])
    line = f"{minute} {hour} {day} {draw.choice(['*', '11-12', '12'])} {weekday}"
    start = datetime(2026, draw.randint(9, 12), draw.randint(1, 28), 12, 30, 5, tzinfo=UTC)
    due = trigger_of(line, UTC).get_next_fire_time(None, start)
    moment = start.replace(second=0) + timedelta(minutes=1)
    crontab = parse_crontab(line)
    while not named(crontab, moment):
        if is_day_of(crontab, moment):
            moment += timedelta(minutes=1)
        else:
            moment = moment.replace(hour=0, minute=0) + timedelta(days=1)
    assert due == moment, line


@pytest.mark.parametrize(
    ("noon", "in_two_nights"),
    [
        (datetime(2026, 3, 28, 12, tzinfo=BERLIN), 2),  # there is no 02:30 in the first night
        (datetime(2026, 10, 24, 12, tzinfo=BERLIN), 3),  # and two of them here: once too often
    ],
)
def test_a_night_in_which_clocks_change_has_its_chore(noon: datetime, in_two_nights: int) -> None:
    """Otherwise there is no copy in the night of the change."""
    trigger, moment, count = trigger_of("30 2 * * *", BERLIN), noon, 0
    while (moment := trigger.get_next_fire_time(moment, moment)) < noon + timedelta(days=2):
        count += 1
    assert count == in_two_nights


def test_whether_something_was_missed() -> None:
    """Otherwise a workstation that is off at night never gets a copy."""
    trigger = trigger_of("30 3 * * *", UTC)
    evening = datetime(2026, 11, 1, 18, tzinfo=UTC)
    assert not was_due(trigger, evening, evening + timedelta(hours=9, minutes=29))
    assert was_due(trigger, evening, evening + timedelta(hours=9, minutes=30))
    assert was_due(trigger, evening, evening + timedelta(days=400))
    assert not was_due(trigger, evening + timedelta(days=400), evening)


async def test_what_is_due_arrives_once() -> None:
    """Otherwise a chore is not done, or all that was missed is done one after the other."""
    timetable: dict[str, BaseTrigger] = {
        "now": DateTrigger(LONG_AGO),
        "too": DateTrigger(LONG_AGO),
        "later": DateTrigger(FAR_AWAY),
    }
    with anyio.fail_after(60):
        async with calendar(timetable) as due:
            seen = await due()
            while seen != {"now", "too"}:
                seen |= await due()
            with anyio.move_on_after(0):
                pytest.fail(f"due again: {await due()}")


async def test_many_missed_times_are_due_once() -> None:
    """Otherwise a laptop that slept for a week makes seven copies at once."""
    async with calendar({"backup": trigger_of("* * * * *", UTC)}) as due:
        (scheduler,) = RUNNING
        (job,) = scheduler.get_jobs()
        job._modify(next_run_time=datetime.now(UTC) - timedelta(hours=7))
        scheduler._jobstores["default"].update_job(job)  # unseen by its timer, as over a suspend
        correct(scheduler, datetime.now(UTC))
        with anyio.fail_after(60):
            assert await due() == {"backup"}
        with anyio.move_on_after(0):
            pytest.fail(f"due again: {await due()}")


RUNNING: set[AsyncIOScheduler] = set()


@pytest.fixture(autouse=True)
def _note_schedulers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the library's scheduler at hand."""
    RUNNING.clear()
    start = AsyncIOScheduler.start

    def noted(self: AsyncIOScheduler, *args: object, **kwargs: object) -> None:
        RUNNING.add(self)
        start(self, *args, **kwargs)

    monkeypatch.setattr(AsyncIOScheduler, "start", noted)


async def test_a_clock_that_was_years_ahead_is_forgiven() -> None:
    """Otherwise no copy is made for years after the clock was set right."""
    async with calendar({"backup": trigger_of("30 3 * * *", UTC)}):
        (scheduler,) = RUNNING
        (job,) = scheduler.get_jobs()
        job.modify(next_run_time=FAR_AWAY)
        now = datetime(2026, 11, 1, 18, tzinfo=UTC)
        correct(scheduler, now)
        assert job.next_run_time == datetime(2026, 11, 2, 3, 30, tzinfo=UTC)
        correct(scheduler, now + timedelta(hours=1))
        assert job.next_run_time == datetime(2026, 11, 2, 3, 30, tzinfo=UTC)


async def test_nothing_is_left_of_a_calendar_that_ended() -> None:
    """Otherwise a timer of a service that has stopped rings in the next one."""
    with anyio.CancelScope() as scope:
        async with calendar({"backup": trigger_of("* * * * *", UTC)}):
            scope.cancel()
            await anyio.sleep_forever()
    (scheduler,) = RUNNING
    assert not scheduler.running
    assert getattr(scheduler, "_timeout", None) is None


@pytest.mark.parametrize(
    ("zone", "known"), [("Europe/Berlin", True), ("CET-1CEST", False), ("x/y", False)]
)
def test_a_time_zone_that_is_not_understood(zone: str, known: object) -> None:
    """Otherwise the daemon ends because of a TZ that every other program takes."""
    look = "from orchestrator.upkeep.calendar import local_zone as z; print(z() is not None)"
    done = subprocess.run(
        [sys.executable, "-c", look],
        env={**os.environ, "TZ": zone, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(known)
