"""What the service says in its own way, beside what HTTP itself tells."""

import time
from collections.abc import Callable

from orchestrator.backend import (
    AuthError,
    BackendError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.backends.http import Ask, Reply
from orchestrator.backends.http.headers import retry_after

BAD, FORBIDDEN, NOT_FOUND, TOO_MANY, SERVER_FAILS = 400, 403, 404, 429, 500
NOT_YOURS = "do not have permission"


class UnreadableError(RejectedError):
    """The service cannot read one file: a link that leads nowhere, or its own fault."""


def reading(ask: Ask, reply: Reply, said: Callable[[], str]) -> BackendError | Reply | None:
    """Return the error that a reply means; None where HTTP itself tells enough.

    A refused token and a run of somebody else are both a 403: only the words tell them apart. A
    404 that is a page for a browser is not about a run: there is no such route. A submit is refused
    for want of credit, which other calls do not cost; a file that cannot be read is its own matter.
    """
    words = said()
    text = f"{reply.source} answered {reply.status}: {words}"
    if reply.status == FORBIDDEN:
        if NOT_YOURS in words:
            return RejectedError(f"{text} It belongs to another account", effect="none")
        return AuthError(f"{text}; check `token` of this backend", effect="none")
    if reply.status == NOT_FOUND and reply.source.endswith("/download/") and not words:
        return RejectedError(f"{text}the run's script made no archive", effect="none")
    if reply.status == TOO_MANY and ask.method == "POST":
        pause = retry_after(reply.headers, time.time())
        return QuotaError(text, effect="none", retry_after=pause.seconds if pause else None)
    return of_page(ask, reply) if is_page(reply) else None


def of_page(ask: Ask, reply: Reply) -> BackendError | None:
    """Return what a page for a browser means."""
    text = f"{reply.source} answered {reply.status} with a page for a browser"
    if reply.status == BAD:
        text = (
            f"{text}: its server takes no such form (by default at most 100 files, 1000 values and"
            " 2.5 MiB of text)"
        )
        return RejectedError(text, effect="none")
    if reply.status == NOT_FOUND:
        return TransientError(f"{text}; check `url` and `dialect` of this backend", effect="none")
    if reply.status == SERVER_FAILS and "/file/" in ask.path.rstrip("/"):
        return UnreadableError(f"{reply.source}: the service cannot read this file", effect="none")
    return None


def is_page(reply: Reply) -> bool:
    """Whether a reply is a page for a browser: the service itself answers in JSON."""
    return reply.headers.get("content-type", "").lower().startswith("text/html")
