"""What a line of a crontab means, as cron itself reads it. Pure."""

import re
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_LONGEST = dict(enumerate((31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31), 1))
_PART = re.compile(r"(?:(\*)|(\w+)(?:-(\w+))?)(?:/([0-9]{1,3}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Crontab:
    """The minutes that a line names: those whose parts are in all of these sets.

    Weekdays count from 0, Sunday. With `either_day` a day counts when its date or its weekday is
    named: that is how cron reads a line that restricts both.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool


def parse_crontab(line: str) -> Crontab:
    """Return what a line such as "30 3 * * mon-fri" means; 0 and 7 are both Sunday.

    Raises ValueError, with a text for people, for anything else.
    """
    fields = line.split()
    if len(fields) != 5:  # noqa: PLR2004 - named in the text
        raise ValueError(
            f"expected minute, hour, day, month and weekday, found {len(fields)} parts"
        )
    minute, hour, day, month, weekday = fields
    crontab = Crontab(
        minutes=_values("minute", minute, 0, 59),
        hours=_values("hour", hour, 0, 23),
        days=_values("day", day, 1, 31),
        months=_values("month", month, 1, 12, _MONTHS),
        weekdays=frozenset(n % 7 for n in _values("weekday", weekday, 0, 7, _WEEKDAYS)),
        either_day=not day.startswith("*") and not weekday.startswith("*"),
    )
    if not crontab.either_day and min(crontab.days) > max(_LONGEST[n] for n in crontab.months):
        raise ValueError(f'the day "{day[:20]}" never comes in the month "{month[:20]}"')
    return crontab


def _values(
    what: str, field: str, low: int, high: int, names: tuple[str, ...] = ()
) -> frozenset[int]:
    """Return the numbers that one field names."""
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f'the {what} "{part[:20]}" is not understood')
        star, first, last, step = match.groups()
        if step is not None and (int(step) == 0 or (star is None and last is None)):
            raise ValueError(
                f'the {what} "{part[:20]}" has a step, which needs a range: */5, 0-9/2'
            )
        if star:
            start, end = low, high
        else:
            start = _number(what, first, low, high, names)
            end = start if last is None else _number(what, last, low, high, names)
            if last is not None and last.lower() == "sun":
                end = 7
        if start > end:
            raise ValueError(f'the {what} "{part}" ends before it begins')
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(what: str, text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.lower() in names:
        return names.index(text.lower()) + low
    if not text.isdecimal() or len(text) > 3 or not low <= int(text) <= high:  # noqa: PLR2004 - 059
        raise ValueError(f'the {what} "{text[:20]}" is not a number from {low} to {high}')
    return int(text)
