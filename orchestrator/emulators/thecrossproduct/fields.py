"""The fields of a request body: their names and types, and nothing else, are taken."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from orchestrator.emulators.thecrossproduct.refusal import RefusalError

Check = Callable[[object], Any]


async def body_of(request: Request, checks: Mapping[str, Check], *required: str) -> dict[str, Any]:
    """Return the checked fields of a body; fields that are null are as good as absent."""
    if request.method == "GET":
        return {}
    try:
        body = json.loads(await request.body() or b"{}")
    except ValueError:
        raise RefusalError(400, "Body is not JSON") from None
    if not isinstance(body, dict):
        raise RefusalError(400, "Body is not a JSON object")
    found = {}
    for name, value in body.items():
        if name not in checks:
            raise RefusalError(400, f"Unknown field '{name}'")
        if value is None:
            continue
        try:
            found[name] = checks[name](value)
        except (TypeError, ValueError):
            raise RefusalError(400, f"Invalid value for field '{name}'") from None
    for name in required:
        if name not in found:
            raise RefusalError(400, f"Missing field '{name}'")
    return found


def words(value: object) -> str:
    """Check a text."""
    if not isinstance(value, str):
        raise TypeError
    return value


def flag(value: object) -> bool:
    """Check a truth value."""
    if not isinstance(value, bool):
        raise TypeError
    return value


def whole(value: object) -> int:
    """Check a whole number."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError
    return value


def count(value: object) -> int:
    """Check a whole number above zero."""
    if whole(value) < 1:
        raise ValueError
    return whole(value)


def number(value: object) -> float:
    """Check a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError
    return float(value)


def texts(value: object) -> list[str]:
    """Check a list of texts."""
    if not isinstance(value, list):
        raise TypeError
    return [words(it) for it in value]


def text_or_texts(value: object) -> list[str]:
    """Check a text or a list of texts; return a list."""
    return [value] if isinstance(value, str) else texts(value)


def as_sent(check: Check) -> Check:
    """Return a check that keeps the value in the form in which it came."""

    def keep(value: object) -> object:
        check(value)
        return value

    return keep


def table(value: object) -> dict[str, Any]:
    """Check an object."""
    if not isinstance(value, dict):
        raise TypeError
    return value


def moment(value: object) -> float:
    """Check an ISO 8601 date; without a zone it is UTC. Return seconds since the epoch."""
    found = datetime.fromisoformat(words(value))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def date(seconds: float | None) -> str:
    """Return a date as this service writes it; None, for what has not happened, is in year 1."""
    found = datetime.min.replace(tzinfo=UTC)
    return (found if seconds is None else datetime.fromtimestamp(seconds, UTC)).isoformat()
