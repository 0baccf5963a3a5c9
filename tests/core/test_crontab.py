"""A crontab line means what cron takes it for."""

import pytest

from orchestrator.core.crontab import Crontab, parse_crontab

ALL = Crontab(
    minutes=frozenset(range(60)),
    hours=frozenset(range(24)),
    days=frozenset(range(1, 32)),
    months=frozenset(range(1, 13)),
    weekdays=frozenset(range(7)),
    either_day=False,
)


def test_stars_mean_every_minute() -> None:
    """A chore would be due at other times than its owner wrote."""
    assert parse_crontab("* * * * *") == ALL


@pytest.mark.parametrize(
    ("field", "minutes"),
    [
        ("7", {7}),
        ("07", {7}),
        ("007", {7}),
        ("0,30", {0, 30}),
        ("5-8", {5, 6, 7, 8}),
        ("*/20", {0, 20, 40}),
        ("10-20/5", {10, 15, 20}),
        ("1,50-52,*/30", {0, 1, 30, 50, 51, 52}),
    ],
)
def test_numbers_lists_ranges_and_steps(field: str, minutes: set[int]) -> None:
    """A chore would be due at other minutes than its owner wrote."""
    assert parse_crontab(f"{field} * * * *").minutes == minutes


@pytest.mark.parametrize(
    ("field", "weekdays"),
    [
        ("0", {0}),
        ("7", {0}),
        ("1", {1}),
        ("sun", {0}),
        ("SAT", {6}),
        ("1-5", {1, 2, 3, 4, 5}),
        ("mon-fri", {1, 2, 3, 4, 5}),
        ("5-7", {0, 5, 6}),
        ("0-7", set(range(7))),
        ("fri-sun", {0, 5, 6}),
        ("0,6", {0, 6}),
        ("*/2", {0, 2, 4, 6}),
        ("*/3", {0, 3, 6}),
    ],
)
def test_weekdays_count_from_sunday(field: str, weekdays: set[int]) -> None:
    """A weekly check would run on the next day: the library counts from Monday."""
    assert parse_crontab(f"* * * * {field}").weekdays == weekdays


def test_months_by_name() -> None:
    """A yearly chore would be due in another month."""
    assert parse_crontab("0 0 1 jan,Mar-may,12 *").months == {1, 3, 4, 5, 12}


@pytest.mark.parametrize(
    ("line", "either"),
    [
        ("0 0 13 * fri", True),
        ("0 0 13 * *", False),
        ("0 0 * * fri", False),
        ("0 0 */2 * fri", False),
    ],
)
def test_a_date_and_a_weekday_are_either_one(line: str, either: object) -> None:
    """A line that names both would be due on Friday the 13th only."""
    assert parse_crontab(line).either_day is either


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "found 0 parts"),
        ("* * * *", "found 4 parts"),
        ("@daily", "found 1 parts"),
        ("60 * * * *", 'the minute "60" is not a number from 0 to 59'),
        ("* 24 * * *", 'the hour "24"'),
        ("* * 0 * *", 'the day "0" is not a number from 1 to 31'),
        ("* * 32 * *", 'the day "32"'),
        ("* * * 13 *", 'the month "13"'),
        ("* * * * 8", 'the weekday "8" is not a number from 0 to 7'),
        ("* * * * sunday", 'the weekday "sunday"'),
        ("* * * mon *", 'the month "mon"'),
        ("-1 * * * *", 'the minute "-1" is not understood'),
        ("1- * * * *", 'the minute "1-" is not understood'),
        ("1,, * * * *", 'the minute "" is not understood'),
        ("9-5 * * * *", 'the minute "9-5" ends before it begins'),
        ("*/0 * * * *", "has a step"),
        ("5/10 * * * *", "has a step, which needs a range"),
        ("1.5 * * * *", "is not understood"),
        ("٣ * * * *", "is not understood"),
        ("1-60 * * * *", 'the minute "60" is not a number from 0 to 59'),
        ("0007 * * * *", 'the minute "0007" is not a number'),
        (f"{'9' * 5000} * * * *", f'the minute "{"9" * 20}" is not a number'),
        (f"*/{'9' * 5000} * * * *", f'the minute "*/{"9" * 18}" is not understood'),
        (f"{'9' * 5000}/9 * * * *", f'the minute "{"9" * 20}" has a step'),
        ("0 0 31 2 *", 'the day "31" never comes in the month "2"'),
        ("0 0 31 4,jun *", "never comes"),
        (
            f"0 0 30{',30' * 9} 2{',2' * 19} *",
            f'the day "30{",30" * 6}" never comes in the month "2{",2" * 9},"',
        ),
    ],
)
def test_what_cron_would_not_take_is_refused(line: str, why: str) -> None:
    """A chore would silently never be due, or the daemon would end in a traceback."""
    with pytest.raises(ValueError, match=r".") as caught:
        parse_crontab(line)
    assert why in str(caught.value)
    assert len(str(caught.value)) < 200


def test_rare_days_are_allowed() -> None:
    """Leap days come, and a date beside a weekday may be one that never comes."""
    assert parse_crontab("0 0 29 feb *").days == {29}
    assert parse_crontab("0 0 31 2 mon").either_day
