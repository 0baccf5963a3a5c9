"""Times that come again, as a line of a crontab."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

_FIELD = r"[0-9*/,-]+"
_MONTH = r"[0-9a-zA-Z*/,-]+"
# 1 is Monday to cron and Tuesday to the library that keeps our calendar: names only.
_WEEKDAY = r"(?:\*|(?:mon|tue|wed|thu|fri|sat|sun)(?:[,-](?:mon|tue|wed|thu|fri|sat|sun))*)"
_LINE = re.compile(rf"{_FIELD} {_FIELD} {_FIELD} {_MONTH} {_WEEKDAY}")


def check_cron(value: object) -> object:
    """Return a crontab line, or False for never; only its shape is checked here.

    Raises ValueError, with a text that says what was expected, for anything else.
    """
    if value is False or (isinstance(value, str) and _LINE.fullmatch(value)):
        return value
    raise ValueError(
        'expected a crontab line such as "30 3 * * *" or "0 4 * * sun"'
        " (minute, hour, day, month, name of the weekday), or false for never"
    )


Cron = Annotated[
    str | Literal[False],
    BeforeValidator(check_cron),
    WithJsonSchema(
        {
            "anyOf": [{"type": "string", "pattern": f"^{_LINE.pattern}$"}, {"const": False}],
            "examples": ["30 3 * * *", "0 4 * * sun", False],
        }
    ),
]
"""A crontab line (minute, hour, day, month, name of the weekday), or false for never."""
