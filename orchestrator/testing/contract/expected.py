"""What each fault of the general table must come to when it strikes the call that starts a run.

Written down by hand, from the meaning of each: what a backend makes of it is compared with this.
"""

from dataclasses import dataclass

from orchestrator.backend import (
    AuthError,
    BackendError,
    Effect,
    ProtocolError,
    QuotaError,
    TransientError,
)


@dataclass(frozen=True, slots=True)
class Expected:
    """The error, what it says of the effect, and how long (seconds) it wants to be left alone."""

    error: type[BackendError]
    effect: Effect
    retry_after: tuple[float, float] | None = None

    def fits(self, error: BackendError) -> bool:
        """Whether an error is the expected one."""
        if self.retry_after is None:
            patient = error.retry_after is None
        else:
            least, most = self.retry_after
            patient = error.retry_after is not None and least <= error.retry_after <= most
        return type(error) is self.error and error.effect == self.effect and patient


BROKEN_OFF = Expected(TransientError, "possible")
NOT_UNDERSTOOD = Expected(ProtocolError, "possible")
STRUCK = {
    "error-before": BROKEN_OFF,
    "error-before=500": BROKEN_OFF,
    "error-before=504": BROKEN_OFF,
    "error-before=409": BROKEN_OFF,
    "error-after": BROKEN_OFF,
    "drop-before": BROKEN_OFF,
    "drop-after": BROKEN_OFF,
    "cut": BROKEN_OFF,
    "cut=100": BROKEN_OFF,
    "drip": BROKEN_OFF,
    "late": BROKEN_OFF,
    "too-many": Expected(QuotaError, "none"),
    "too-many=7": Expected(QuotaError, "none", (7, 7)),
    "too-many-until=9": Expected(QuotaError, "none", (5, 10)),  # a date is in whole seconds
    "forbidden": Expected(AuthError, "none"),
    "redirect": NOT_UNDERSTOOD,
    "html": NOT_UNDERSTOOD,
    "empty-json": NOT_UNDERSTOOD,
    "gzip": NOT_UNDERSTOOD,
    "short-body": BROKEN_OFF,
    "short-length": NOT_UNDERSTOOD,
    "wrong-bytes": NOT_UNDERSTOOD,
}
ANYWHERE = tuple(STRUCK)  # what may strike any other call as well
SLOW = ("drip", "late")  # they last as long as a call may
