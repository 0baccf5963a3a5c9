"""Spans of time as people write them."""

import re
from datetime import timedelta

_UNITS = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "d": 86400, "day": 86400, "w": 604800, "week": 604800,
}  # fmt: skip
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)
LONGEST = timedelta(days=3650)

_FORM = 'expected a span of time such as "90s" or "1h30m"'
_RANGE = "expected a span of time that is longer than zero and at most ten years"
_UNIT = 'expected a span of time with its unit (ms, s, min, h, d, w), such as "90s" or "1h30m"'


def parse_duration(value: object) -> timedelta:
    """Return the span that a number of seconds or a text such as "1h 30m" means.

    Raises ValueError, with a text that says what was expected, for anything else, for spans that
    are not longer than zero and for those over ten years.
    """
    match value:
        case timedelta():
            span = value
        case bool():
            raise ValueError(_FORM)
        case int() | float():
            span = _span(value)
        case str():
            span = _span(_sum_of_parts(value))
        case _:
            raise ValueError(_FORM)
    if not timedelta(0) < span <= LONGEST:
        raise ValueError(_RANGE)
    return span


def _span(seconds: float) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):  # infinite, not a number, or beyond what timedelta holds
        raise ValueError(_RANGE) from None


def _sum_of_parts(text: str) -> float:
    """Add up the parts of "1h 30m"; a unit is required, since "90" alone could be minutes."""
    total, position = 0.0, 0
    lowered = text.strip().lower()
    while position < len(lowered):
        part = _PART.match(lowered, position)
        if part is None:
            bare_number = lowered[position:].replace(".", "", 1).isdecimal()
            raise ValueError(_UNIT if bare_number else _FORM)
        unit = _UNITS.get(part[2]) or _UNITS.get(part[2].removesuffix("s"))
        if unit is None:
            raise ValueError(_UNIT)
        total += float(part[1]) * unit
        position = part.end()
    if not lowered:
        raise ValueError(_FORM)
    return total
