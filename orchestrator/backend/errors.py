"""The only errors a backend raises. Anything else that leaves a backend is a fault in it."""

from typing import Literal

Effect = Literal["none", "possible"]


class BackendError(Exception):
    """A verb did not do its work.

    `effect` says whether the call may have changed anything over there. Only "none" may be tried
    again without looking; a submit that failed with "possible" has an unknown outcome. The text is
    shown to people: it says what happened and what to do, and MUST NOT contain a secret.
    """

    def __init__(
        self, message: str, *, effect: Effect = "possible", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.effect: Effect = effect
        self.retry_after = retry_after  # seconds; never shortened by anybody


class TransientError(BackendError):
    """May work later without anybody doing anything: network, overload, a full disk."""


class QuotaError(BackendError):
    """A limit of the account or of this machine is reached; it frees itself with time."""


class AuthError(BackendError):
    """The credentials were refused: a person must renew them."""


class RejectedError(BackendError):
    """The request itself is wrong and will be refused again."""


class ProtocolError(BackendError):
    """The answer was not understood; never taken for an answer."""
