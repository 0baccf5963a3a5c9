"""Read the reply to a call that was made on a line of its own."""

import http.client

from orchestrator.backend import ProtocolError
from orchestrator.backends.http.asking import Ask, Reply
from orchestrator.backends.http.failures import is_answer
from orchestrator.backends.http.line import Line

ERROR_CAP = 64 << 10  # bytes read of the body of an error
_BLOCK = 64 << 10


def read_reply(
    response: http.client.HTTPResponse, at: Line, ask: Ask, source: str, *, body: bool = True
) -> Reply:
    """Return a whole reply, of an error the beginning; without `body` only the headers.

    Raises OSError, HTTPException, ProtocolError.
    """
    check_form(response, at)
    headers = {name.lower(): text for name, text in response.headers.items()}
    data = _body(response, at, ask, source) if body else b""
    return Reply(response.status, headers, data, source, at.effect)


def _body(response: http.client.HTTPResponse, at: Line, ask: Ask, source: str) -> bytes:
    good = is_answer(ask, response.status)
    most, length = ask.cap if good else ERROR_CAP, response.length
    body = bytearray()
    while len(body) <= most and (piece := response.read1(_BLOCK)):
        body += piece
    if len(body) > most:
        if good:
            raise ProtocolError(f"{source} sent more than {ask.cap} bytes", effect=at.effect)
    elif length is not None and len(body) < length:
        raise http.client.IncompleteRead(b"", length - len(body))
    return bytes(body)


def check_form(response: http.client.HTTPResponse, at: Line) -> None:
    """Raise ProtocolError for a reply of two lengths, or in an encoding."""
    lengths = set(response.headers.get_all("Content-Length", []))
    if len(lengths) + ("Transfer-Encoding" in response.headers) > 1:
        raise not_understood(at, "two lengths for one reply")
    if response.getheader("Content-Encoding", "identity").lower() != "identity":
        raise not_understood(at, "an encoding that was not asked for")


def not_understood(at: Line, what: str) -> ProtocolError:
    """Return the error for a reply that is answered with this."""
    return ProtocolError(f"{at.target.shown} answered with {what}", effect=at.effect)
