"""What this service says: an envelope around every answer, and how it takes a body."""

import json
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

TECHNICAL = "A technical problem has occurred, try again later."


class RefusalError(Exception):
    """The call is answered with an error; without more words, with the one for all occasions."""

    def __init__(self, text: str = TECHNICAL, status: int = 403) -> None:
        super().__init__(text)
        self.status = status


def success(value: object) -> Response:
    """Return the envelope of a success."""
    return JSONResponse({"response": value})


def failure(text: str, status: int) -> Response:
    """Return the envelope of a failure."""
    return JSONResponse({"errors": [text]}, status)


async def body_of(request: Request) -> dict[str, Any]:
    """Return the fields of a body, JSON or a form, whatever it is called. Raises RefusalError."""
    raw = await request.body()
    try:
        body = json.loads(raw)
    except ValueError:
        body = dict(parse_qsl(raw.decode(errors="replace"), keep_blank_values=True))
    if not isinstance(body, dict):
        raise RefusalError
    return body


def text(body: dict[str, Any], name: str) -> str:
    """Return a field that is a text; unset, it is empty. Raises RefusalError."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise RefusalError
    return value


def number(body: dict[str, Any], name: str) -> int | None:
    """Return a field that is a whole number, written as one or as a text; None: it is unset."""
    value = body.get(name, "")
    if value in ("", None):
        return None
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal():
        raise RefusalError
    return int(value)
