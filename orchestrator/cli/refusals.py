"""What is said, and which exit code is given, when a service did not do what it was asked."""

from orchestrator.backend import (
    AuthError,
    BackendError,
    QuotaError,
    RejectedError,
    TransientError,
)
from orchestrator.cli import screen
from orchestrator.log.escape import escape

# As in sysexits.h; the first is what any request gets that was refused.
REFUSED, LATER, NOT_UNDERSTOOD, NO_ACCESS = 1, 75, 76, 77


def told(error: BackendError, *, repeatable: bool = False) -> str:
    """Say in one line why the service did not do it, and what to do.

    What is `repeatable` does no harm when it is done twice.
    """
    said = escape(str(error))
    if error.retry_after is not None:
        said += f"; it may be asked again in {screen.span(error.retry_after)}"
    if error.effect == "possible" and not repeatable:
        said += "; it may have been done all the same: look before you repeat it"
    return said


def code(error: BackendError) -> int:
    """Return the exit code that an error is told by."""
    match error:
        case RejectedError():
            return REFUSED
        case QuotaError() | TransientError():
            return LATER
        case AuthError():
            return NO_ACCESS
        case _:
            return NOT_UNDERSTOOD
