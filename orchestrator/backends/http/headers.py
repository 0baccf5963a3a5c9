"""What a service says about time and budget in the headers of a reply. Pure."""

import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import NamedTuple

A_DAY = 86400.0
_EPOCH = 1e9  # no window is 30 years long: such a number is a moment, not a span
_COUNTED = (("hourly", 3600.0), ("daily", A_DAY))
_PREFIXES = ("ratelimit-", "x-ratelimit-", "x-rate-limit-")
_NUMBER = re.compile(r"\d{1,15}(\.\d{1,9})?", re.ASCII)


class Window(NamedTuple):
    """The service's own count: `remaining` of `limit` calls for `resets_in` more seconds."""

    limit: float | None
    remaining: float
    resets_in: float


class Count(NamedTuple):
    """The service's own count: `used` of `limit` calls in a `period` (seconds); 0: no limit.

    Whether the period slides or begins anew by the clock is not told.
    """

    limit: int
    used: int
    period: float


class Pause(NamedTuple):
    """The service asks not to be called for so many seconds; `odd` when it could not be read."""

    seconds: float
    odd: bool = False


def retry_after(headers: Mapping[str, str], wall: float) -> Pause | None:
    """Return what Retry-After asks for, None without it. `wall` is our time, UTC since 1970.

    It is never shortened, but what is no number or date, or is over a day, counts as a day. A date
    is measured by the service's own clock where the reply tells it.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        seconds = float(text)
    else:
        moment = _moment(text)
        if moment is None:
            return Pause(A_DAY, odd=True)
        seconds = max(0.0, moment - _their_time(headers, wall))
    return Pause(min(seconds, A_DAY), odd=seconds > A_DAY)


def window(headers: Mapping[str, str], wall: float) -> Window | None:
    """Return the service's count of our calls, None where it does not tell one we understand."""
    for prefix in _PREFIXES:
        remaining = _leading(headers.get(f"{prefix}remaining", ""))
        reset = _leading(headers.get(f"{prefix}reset", ""))
        if remaining is None or reset is None:
            continue
        if reset >= _EPOCH * 1000:
            reset /= 1000
        if reset >= _EPOCH:
            reset -= _their_time(headers, wall)
        limit = _leading(headers.get(f"{prefix}limit", ""))
        return Window(limit, remaining, min(max(reset, 0.0), A_DAY))
    return None


def counts(headers: Mapping[str, str]) -> tuple[Count, ...]:
    """Return what the service counted an hour and a day; what makes no sense is left out."""
    found = []
    for name, period in _COUNTED:
        limit = _leading(headers.get(f"x-ratelimit-{name}-limit", ""))
        used = _leading(headers.get(f"x-ratelimit-{name}-used", ""))
        if limit is not None and used is not None:
            found.append(Count(int(limit), int(used), period))
    return tuple(found)


def skew(headers: Mapping[str, str], wall: float) -> float:
    """Return by how many seconds our clock is ahead of the service's; 0 if it tells no time."""
    return wall - _their_time(headers, wall)


def _their_time(headers: Mapping[str, str], wall: float) -> float:
    moment = _moment(headers.get("date", ""))
    return wall if moment is None else moment


def _moment(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _leading(text: str) -> float | None:
    """Return the number that a text begins with: some services write "100, 100;w=3600"."""
    found = _NUMBER.match(text.strip())
    number = float(found[0]) if found else math.nan
    return number if math.isfinite(number) else None
