"""What the service answers, as far as we rely on it. Unknown fields pass; wrong types do not."""

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from orchestrator.backend import ProtocolError

T = TypeVar("T", bound=BaseModel)


class _Reply(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Token(_Reply):
    """The answer to a login."""

    token: str = Field(min_length=1)


class Paging(_Reply):
    """Where a list goes on: `next` is a full address, absent on the last page."""

    next: str | None = None


class Process(_Reply):
    """A run, as the service knows it. `state` is an open set; see `judging`."""

    id: str
    state: str
    app: str = ""
    domain: str = ""
    errors: str | None = None
    quote: float | None = None
    launched: str | None = None
    terminated: str | None = None
    tags: tuple[str, ...] | None = None


class File(_Reply):
    """A stored file, as listed with expands_info. `size` is in bytes; not every file has an MD5."""

    path: str
    size: int | None = None
    md5sum: str | None = None
    last_modified: str | None = None


class OutputLink(_Reply):
    """An output of a process: `key` is its address in the storage, `url` a signed link."""

    key: str
    url: str


class Started(_Reply):
    """The answer to a run: its id and nothing else."""

    id: str


class Upload(_Reply):
    """A multi-part upload: part i takes the bytes from i · part_size on."""

    upload_id: str = Field(min_length=1)
    parts: tuple[str, ...] = Field(min_length=1)
    part_size: int = Field(gt=0)


def read(model: type[T], value: JsonValue) -> T:
    """Return a reply as its model; raise ProtocolError, without the values, when it is not one."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        what = model.__name__.lower()
        raise ProtocolError(f"the answer is no {what}: {where}: {first['msg']}") from None


def entries_of(page: JsonValue, key: str) -> list[JsonValue]:
    """Return the list under a key of a page; where there is nothing to list it may be missing."""
    entries = page.get(key) if isinstance(page, dict) else None
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise ProtocolError(f"the {key} in a page are no list")
    return entries
