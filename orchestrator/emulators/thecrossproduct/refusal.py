"""How this service says no: a text in quotes."""

import json
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

Endpoint = Callable[[Request], Awaitable[Response]]


class RefusalError(Exception):
    """The call is answered with an error status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


def text(words: str, status: int = 200) -> Response:
    """Return words as this service sends them: a JSON string, typed as plain text."""
    return PlainTextResponse(json.dumps(words), status)


def answering(endpoint: Endpoint) -> Endpoint:
    """Return an endpoint whose refusals become replies."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except RefusalError as refusal:
            return text(str(refusal), refusal.status)

    return answer
