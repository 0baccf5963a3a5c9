"""Times that come again, as a line of a crontab."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, WithJsonSchema

from orchestrator.core.crontab import parse_crontab

_LINE = re.compile(r"[0-9A-Za-z*/,-]+(?: [0-9A-Za-z*/,-]+){4}")


def check_cron(value: object) -> object:
    """Return a crontab line, or False for never.

    Raises ValueError, with a text that says what was expected, for anything else.
    """
    if value is False:
        return value
    if not isinstance(value, str) or not _LINE.fullmatch(value):
        raise ValueError(
            'expected a crontab line such as "30 3 * * *" or "0 4 * * sun"'
            " (minute, hour, day, month, weekday), or false for never"
        )
    try:
        parse_crontab(value)
    except ValueError as error:
        raise ValueError(
            'expected a crontab line such as "30 3 * * *" or "0 4 * * sun"'
            f" (minute, hour, day, month, weekday), or false for never; {error}"
        ) from None
    return value


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
"""A crontab line (minute, hour, day, month, weekday), or false for never."""
