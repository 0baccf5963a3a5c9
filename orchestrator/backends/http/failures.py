"""Which of the seam's errors a call came to. Pure; the texts hold no query and no secret."""

from collections.abc import Callable, Mapping
from http import HTTPStatus as S

from pydantic import JsonValue

from orchestrator.backend import (
    AuthError,
    BackendError,
    ProtocolError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http.asking import Ask, Reply
from orchestrator.backends.http.headers import counts, retry_after, skew, window
from orchestrator.backends.http.standing import Outcome, Verdict
from orchestrator.backends.http.strict import read_json
from orchestrator.log import shorten
from orchestrator.log.masking import strip_urls

WORDS = 300  # characters of what a service says that are shown
CLOCKS_APART = 60.0  # seconds from which a refused login may be the clock's fault
DEEPEST = 5  # tables in tables that are looked through for words
_DENIED = frozenset({S.UNAUTHORIZED, S.FORBIDDEN})
_LATER = frozenset({S.REQUEST_TIMEOUT, S.CONFLICT, S.TOO_EARLY})
_TELLING = ("message", "error", "detail", "errors", "title", "description", "status")


def refusal(
    ask: Ask, reply: Reply, *, wall: float, mask: Callable[[str], str]
) -> BackendError | None:
    """Return the error that a reply means, None for an answer. `mask` takes secrets out."""
    status = reply.status
    if is_answer(ask, status):
        return None
    said = words(reply.body, mask)
    text = f"{reply.source} answered {status}" + (f": {said}" if said else "")
    pause = retry_after(reply.headers, wall)
    seconds = pause.seconds if pause else None
    if pause and pause.odd:
        text += " (how long it wants to be left alone is not understood, or over a day: a day)"
    if status in _DENIED:
        return AuthError(text + _clock(reply.headers, wall), effect="none")
    if status == S.TOO_MANY_REQUESTS:
        return QuotaError(f"{text}: it is called too often", effect="none", retry_after=seconds)
    if status in _LATER or status >= S.INTERNAL_SERVER_ERROR:
        return TransientError(text, effect=ask.effect, retry_after=seconds)
    if status >= S.BAD_REQUEST:
        return RejectedError(text, effect="none")
    return ProtocolError(f"{text}: a redirect, which is not followed", effect=ask.effect)


def is_answer(ask: Ask, status: int) -> bool:
    """Whether a status is no error."""
    return S.OK <= status < S.MULTIPLE_CHOICES or status in ask.expect


def outcome(
    reply: Reply,
    error: BackendError | None,
    wall: float,
    *,
    denied: bool = False,
    apart: bool = False,
) -> Outcome:
    """Return what a reply tells of the service, for the governor.

    `denied`: it refused the credentials, in its own way; `apart`: it refused this one call.
    """
    verdict: Verdict = "answered"
    if reply.status >= S.INTERNAL_SERVER_ERROR and not apart:
        verdict = "failed"
    elif denied or reply.status == S.UNAUTHORIZED:
        verdict = "denied"
    busy = reply.status == S.TOO_MANY_REQUESTS and not apart
    # With any other status it is about one thing over there, not about the account.
    asked = busy or verdict == "failed"
    return Outcome(
        verdict,
        str(error or ""),
        busy=busy,
        pause=retry_after(reply.headers, wall) if asked else None,
        window=window(reply.headers, wall),
        counts=counts(reply.headers),
    )


def words(body: bytes, mask: Callable[[str], str]) -> str:
    """Return what a service says in the body of an error, fit to be shown."""
    try:
        text = _told(read_json(body))
    except ValueError:
        text = body.decode(errors="replace").strip()
        if text.startswith("<"):
            return ""  # a page for a browser
    return shorten(strip_urls(mask(" ".join(text.split()))), WORDS)


def _told(tree: JsonValue, deepest: int = DEEPEST) -> str:
    if isinstance(tree, str):
        return tree
    if deepest and isinstance(tree, dict):
        told = (_told(tree[key], deepest - 1) for key in _TELLING if key in tree)
        return next(filter(None, told), "")
    if deepest and isinstance(tree, list):
        return "; ".join(filter(None, (_told(item, deepest - 1) for item in tree[:5])))
    return ""


def _clock(headers: Mapping[str, str], wall: float) -> str:
    ahead = skew(headers, wall)
    if abs(ahead) <= CLOCKS_APART:
        return ""
    way = "ahead of" if ahead > 0 else "behind"
    return (
        f"; maybe for the clock: this machine's is {abs(ahead):.0f} s {way} the service's,"
        " set it right first"
    )
