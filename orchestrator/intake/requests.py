"""Reading a request file, strictly."""

from typing import Annotated

from pydantic import AfterValidator, Field

from orchestrator.core.ids import is_id
from orchestrator.core.intake import Request, Verb
from orchestrator.core.spec import Table
from orchestrator.document import check, parse
from orchestrator.spool import Content


def _checked_id(text: str) -> str:
    if not is_id(text):
        raise ValueError("expected an id: 12 digits and small letters, without i, l, o and u")
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


def read_request(content: Content, drop_id: str) -> Request:
    """Return the request in a file; `drop_id` is its id when it names none.

    Raises ProblemsError with everything that is wrong with it.
    """
    read = check(RequestFile, parse(content.text, content.file))
    return Request(read.id or drop_id, read.request, read.job, confirmed=read.confirmed)
