"""Reading a request file, strictly."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from orchestrator.core.ids import REMOTE_ID_FORM, is_id, is_remote_id
from orchestrator.core.intake import Request, Verb
from orchestrator.core.spec import Table
from orchestrator.document import check, parse
from orchestrator.spool import Content


def _checked_id(text: str) -> str:
    if not is_id(text):
        raise ValueError("expected an id: 12 digits and small letters, without i, l, o and u")
    return text


def _checked_remote_id(text: str) -> str:
    if not is_remote_id(text):
        raise ValueError(REMOTE_ID_FORM)
    return text


class RequestFile(Table):
    """A request, such as `{"request": "cancel", "job": "beam"}`."""

    id: Annotated[str, AfterValidator(_checked_id)] | None = None
    """Applied once, however often it arrives. Without it every file is a request of its own."""
    request: Verb
    """What to do."""
    job: Annotated[str, Field(min_length=1, max_length=64)]
    """Which job: its id, a prefix of it that is unique, or its name."""
    confirmed: bool = False
    """Whether a person has looked for himself where the daemon cannot tell."""
    remote_id: Annotated[str, AfterValidator(_checked_remote_id)] | None = None
    """With `adopt`: the name of the job's run at its backend."""

    @model_validator(mode="after")
    def _adopts_something(self) -> Self:
        if (self.request is Verb.ADOPT) != (self.remote_id is not None):
            raise ValueError('expected "remote_id" with the request "adopt", and with no other')
        return self


def read_request(content: Content, drop_id: str) -> Request:
    """Return the request in a file; `drop_id` is its id when it names none.

    Raises ProblemsError with everything that is wrong with it.
    """
    read = check(RequestFile, parse(content.text, content.file))
    return Request(read.id or drop_id, read.request, read.job, read.confirmed, read.remote_id)
