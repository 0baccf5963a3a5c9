"""One call and its reply, as values."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import JsonValue

from orchestrator.backend import Effect, ProtocolError
from orchestrator.backends.http.multipart import Field, FilePart
from orchestrator.backends.http.strict import read_json

MIB = 1 << 20
LIMIT = 30.0  # seconds for a call that names no limit


class Use(Enum):
    """What a call is for. Polls give way: a share of the budget is kept for all others."""

    SUBMIT = "submit"
    CANCEL = "cancel"
    POLL = "poll"
    TRANSFER = "transfer"
    ASK = "ask"  # a person waits for the answer


@dataclass(frozen=True, slots=True)
class Ask:
    """One call.

    `path` lies below the account's URL and has no query (`params` has), or is a whole URL of the
    same origin, as links to further pages are. `reads` says that the call changes nothing over
    there, so that no failure of it has an effect. `expect` names statuses beside 2xx that are
    answers and no errors. `cap` is the most bytes of a reply, `limit` the seconds for all of it.
    `limit` begins with the wait for a place among the calls under way, which is given up after half
    a minute. `basic` is user and secret; with it the account's own credentials are not sent.

    `multipart` is sent as a form with its length told before. The files are read before anything is
    sent, and held against size and SHA-256 then and while they are sent: the last bytes of one that
    changed are not sent, nor what comes behind it. All of that counts for `limit`, so it must have
    room for them; that bytes pass at all is watched as for other transfers.
    """

    method: str
    path: str
    use: Use
    params: Mapping[str, Any] | None = field(default=None, kw_only=True)
    json: JsonValue = field(default=None, kw_only=True)
    form: Mapping[str, str] | None = field(default=None, kw_only=True, repr=False)
    multipart: Sequence[Field | FilePart] | None = field(default=None, kw_only=True, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, kw_only=True, repr=False)
    basic: tuple[str, str] | None = field(default=None, kw_only=True, repr=False)
    reads: bool = field(kw_only=True)
    expect: Collection[int] = field(default=(), kw_only=True)
    cap: int = field(default=8 * MIB, kw_only=True)
    limit: float = field(default_factory=lambda: LIMIT, kw_only=True)

    @property
    def effect(self) -> Effect:
        """What a call that went out may have done when its outcome is not known."""
        return "none" if self.reads else "possible"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. Names of headers are in lower case.

    `source` tells for messages who answered; `effect` is that of the call.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    source: str = "the service"
    effect: Effect = "possible"

    def json(self) -> JsonValue:
        """Return the tree of a JSON body. Raises ProtocolError for anything else, "" too."""
        try:
            return read_json(self.body)
        except ValueError as error:
            raise ProtocolError(
                f"{self.source} answered {self.status} with what is no JSON: {error}",
                effect=self.effect,
            ) from None

    def text(self) -> str:
        """Return the body as text; what is not UTF-8 in it is replaced."""
        return self.body.decode(errors="replace")
