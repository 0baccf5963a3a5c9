"""Spans of time as people write them."""

import re
from datetime import timedelta

_UNITS = {
    "ms": 0.001, "s": 1, "sec": 1, "second": 1, "m": 60, "min": 60, "minute": 60,
    "h": 3600, "hr": 3600, "hour": 3600, "d": 86400, "day": 86400, "w": 604800, "week": 604800,
}  # fmt: skip
_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([a-z]+)\s*", re.ASCII)
LONGEST = timedelta(days=3650)


def parse_duration(value: object) -> timedelta:
    """Return the span that a number of seconds or a text such as "1h 30m" means.

    Raises ValueError, with a text for people, for anything else, for spans that are not longer
    than zero and for those over ten years.
    """
    match value:
        case timedelta():
            span = value
        case bool():
            raise ValueError(
                'a span of time is a number of seconds, or text such as "90s" or "1h30m"'
            )
        case int() | float():
            span = _seconds(value)
        case str():
            span = _seconds(_sum_of_parts(value))
        case _:
            raise ValueError(
                'a span of time is a number of seconds, or text such as "90s" or "1h30m"'
            )
    if not timedelta(0) < span <= LONGEST:
        raise ValueError("a span of time must be longer than zero and at most ten years")
    return span


def _seconds(number: float) -> timedelta:
    try:
        return timedelta(seconds=number)
    except (OverflowError, ValueError):
        raise ValueError("a span of time must be longer than zero and at most ten years") from None


def _sum_of_parts(text: str) -> float:
    """Add up the parts of "1h 30m"; a unit is required, since "90" alone could be minutes."""
    total, position = 0.0, 0
    lowered = text.strip().lower()
    while position < len(lowered):
        part = _PART.match(lowered, position)
        unit = _UNITS.get(part[2]) or _UNITS.get(part[2].removesuffix("s")) if part else None
        if part is None or unit is None:
            raise ValueError(
                f"{text[:40]!r} is not a span of time; write a number with a unit"
                ' (ms, s, min, h, d, w), such as "90s" or "1h30m"'
            )
        total += float(part[1]) * unit
        position = part.end()
    if not lowered:
        raise ValueError('a span of time is a number of seconds, or text such as "90s" or "1h30m"')
    return total
