"""Calls to the account, and the envelope that every answer comes in.

Success is {"response": X}, failure {"errors": ["text", …]}, either with any HTTP status.
"""

from collections.abc import Callable, Mapping

from pydantic import JsonValue

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http import Ask, Door, Reply, Use

FORBIDDEN, NOT_FOUND, TOO_MANY, BAD = 403, 404, 429, 400
SERVER_FAILS = 500
UNAUTHORISED = "unauthorized"
TECHNICAL = "technical problem"
WORDY = 64 << 20  # bytes: a solver's whole output is in one answer


class UnknownError(TransientError):
    """The service says that it cannot: so it answers for what it does not know, too."""


def reading(ask: Ask, reply: Reply, said: Callable[[], str]) -> BackendError | Reply | None:
    """Return the error that an envelope tells of; None where HTTP itself tells enough.

    It is the reply itself that is returned where that tells of a success with an error's status.
    A bad key and an unknown id are both a 403; only the words tell them apart. What is answered
    over the quota is not published: it is told by the service's own count.
    """
    envelope = _envelope(reply)
    if not envelope.get("errors"):
        return _without_errors(reply, envelope)
    if reply.status == TOO_MANY or reply.status >= SERVER_FAILS:
        return None
    words = said()
    text = f"{reply.source} answered {reply.status}: {words}"
    if UNAUTHORISED in words.lower():
        return AuthError(f"{text}; check `api_key` of this backend", effect="none")
    if reply.status == FORBIDDEN and _is_over(reply):
        return QuotaError(f"{text}: the account's calls are used up", effect=ask.effect)
    if TECHNICAL in words.lower():
        return UnknownError(text, effect=ask.effect)
    return RejectedError(text, effect="none")


def _without_errors(reply: Reply, envelope: Mapping[str, JsonValue]) -> BackendError | Reply | None:
    """Read an answer that tells of no errors, as `reading` does.

    A 404 without an envelope is not of the service: it is not at that address, or not now. That
    refuses no job.
    """
    if not envelope and reply.status == NOT_FOUND:
        text = f"{reply.source} answered 404 in words that are not the service's"
        return UnknownError(f"{text}; check `url` of this backend", effect="none")
    return reply if reply.status >= BAD and "response" in envelope else None


def _envelope(reply: Reply) -> dict[str, JsonValue]:
    """Return an answer that may tell of errors; a good one is not looked through twice."""
    if reply.status < BAD and b'"errors"' not in reply.body[:200]:
        return {}
    try:
        tree = reply.json()
    except ProtocolError:
        return {}
    return tree if isinstance(tree, dict) else {}


def _is_over(reply: Reply) -> bool:
    """Whether the service's own count says that no call is left, by the hour or the day."""
    for period in ("hourly", "daily"):
        limit, used = (
            reply.headers.get(f"x-ratelimit-{period}-{x}", "") for x in ("limit", "used")
        )
        if limit.isdecimal() and used.isdecimal() and 0 < int(limit) <= int(used):
            return True
    return False


class Calls:
    """What is asked of the account, opened from its envelope."""

    def __init__(self, door: Door) -> None:
        self.door = door

    async def get(self, path: str, use: Use, *, cap: int = 8 << 20) -> JsonValue:
        """Read something."""
        return await self._response(Ask("GET", path, use, reads=True, cap=cap))

    async def ask(self, method: str, path: str, use: Use, body: JsonValue = None) -> JsonValue:
        """Do what changes nothing over there that could be missed, though it is no GET."""
        return await self._response(Ask(method, path, use, json=body, reads=True))

    async def known(
        self, method: str, path: str, use: Use, body: JsonValue = None
    ) -> JsonValue | None:
        """Read something that may not be there; None when the service says that it cannot.

        What is not there and what goes wrong over there are answered alike.
        """
        try:
            return await self._opened(Ask(method, path, use, json=body, reads=True))
        except (UnknownError, RejectedError):
            return None

    async def tell(self, method: str, path: str, use: Use, body: JsonValue = None) -> JsonValue:
        """Change something."""
        return await self._response(Ask(method, path, use, json=body, reads=False))

    async def _response(self, ask: Ask) -> JsonValue:
        try:
            return await self._opened(ask)
        except UnknownError as error:
            raise TransientError(str(error), effect=error.effect) from None

    async def _opened(self, ask: Ask) -> JsonValue:
        reply = await self.door.call(ask)
        tree = reply.json()
        if isinstance(tree, dict) and "response" in tree:
            return tree["response"]
        raise ProtocolError(f"{reply.source} answered without a response", effect=ask.effect)
