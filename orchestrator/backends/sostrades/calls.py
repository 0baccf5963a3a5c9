"""What the service says in its own way, beside what HTTP itself tells."""

from collections.abc import Callable
from contextlib import suppress

from orchestrator.backend import AuthError, BackendError, ProtocolError, RejectedError
from orchestrator.backends.http import Ask, Reply
from orchestrator.backends.http.typed import read
from orchestrator.backends.sostrades.replies import Fault

BAD, FORBIDDEN, UNSUPPORTED = 400, 403, 415
OF_THE_USER = ("User unauthorized", "User not found")
ALREADY = "already submitted"
TRACEBACK = "Traceback (most recent call last)"
NO_CSV = (
    "this release of SoSTrades (such as 5.3.4) takes no CSV here (415): set the table in its web"
    " interface and leave it out of [run.tables], or have the server updated"
)


class MissingError(RejectedError):
    """There is no such study, or the key's user has no right to it."""


def reading(ask: Ask, reply: Reply, said: Callable[[], str]) -> BackendError | None:
    """Return the error that a reply means; None where HTTP itself tells enough.

    A 403 is also what a study gets that is not there, or not for this user: that is the job's own
    matter, and the credentials are sound. Nearly every fault inside a handler is a 400 with the
    text of an exception, and a traceback behind it at times.
    """
    words = said()
    if reply.status == FORBIDDEN:
        text = f"{reply.source} answered 403: {words}"
        if any(one in words for one in OF_THE_USER):
            return AuthError(f"{text}; check `key` of this backend", effect="none")
        return MissingError(text, effect="none") if _is_its_own(reply) else None
    if reply.status == UNSUPPORTED and ask.multipart is not None:
        return RejectedError(f"{reply.source}: {NO_CSV}", effect="none")
    if reply.status == BAD:
        return RejectedError(f"{reply.source} answered 400: {brief(words)}", effect=ask.effect)
    return None


def _is_its_own(reply: Reply) -> bool:
    """Whether a refusal is the service's own: something before it may refuse calls, too."""
    with suppress(ProtocolError):
        read(Fault, reply.json(), "fault")
        return True
    return False


def brief(words: str) -> str:
    """Return what a fault says, without the traceback behind it."""
    return words.partition(TRACEBACK)[0].strip() or words
