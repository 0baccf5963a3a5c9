"""Moments as people write them."""

import re
from datetime import datetime

_FORM = "expected a date and time with its offset, such as 2027-01-31T18:00:00Z"
_RANGE = "expected a date and time in the years 1971 to 9998 (leave the key out if there is none)"
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})",
    re.ASCII | re.IGNORECASE,
)

FIRST_YEAR, LAST_YEAR = 1971, 9998


def parse_moment(value: object) -> datetime:
    """Return the moment that a text means.

    Raises ValueError, with a text that says what was expected, for anything else: a bare number
    too, which others take for seconds since 1970, and years that some offset carries out of the
    calendar.
    """
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or _MOMENT.fullmatch(value) is None:
        raise ValueError(_FORM)
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:  # the thirtieth of February
        raise ValueError(_FORM) from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(_RANGE)
    return moment
