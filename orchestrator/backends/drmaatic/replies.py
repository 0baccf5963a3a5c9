"""What the service answers, as far as we rely on it. Unknown fields pass; wrong types do not."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from uuid import UUID

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
)


class _Reply(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Given(_Reply):
    """A parameter of a run, as it was taken; the value of a file is the name it was given."""

    name: str
    value: str


class Record(_Reply):
    """One run, in either dialect. What is not set is not there.

    `created` carries its zone; `files_name` maps the service's names of files to those they had;
    `told_at` is the date of the reply that told of it.
    """

    uuid: UUID
    task: str = Field(validation_alias=AliasChoices("task", "task_name"))
    status: str
    description: str = Field(
        default="", validation_alias=AliasChoices("job_description", "task_description")
    )
    created: str = Field(default="", validation_alias="creation_date")
    files_name: dict[str, str] = {}
    params: tuple[Given, ...] = ()
    descendants: tuple[UUID, ...] = ()
    told_at: str = Field(default="", exclude=True)

    @property
    def told(self) -> float | None:
        """When it was told of, by the service's own clock (seconds since 1970); None: unknown."""
        try:
            return parsedate_to_datetime(self.told_at).timestamp()
        except (ValueError, TypeError, OverflowError):
            return None

    @property
    def begun(self) -> float | None:
        """When it was made, by the same clock; None: unknown."""
        try:
            moment = datetime.fromisoformat(self.created)
        except ValueError:
            return None
        return None if moment.tzinfo is None else moment.timestamp()

    def facts(self) -> dict[str, Any]:
        """Return the record for people, in the service's order, as far as it is text."""
        return self.model_dump(mode="json")


class Parameter(_Reply):
    """One parameter of an entry of the catalogue. `private`: only the service sets it."""

    name: str
    type: str = "string"
    required: bool = False
    private: bool = False
    default: str | None = None
    description: str | None = None


class Entry(_Reply):
    """One entry of the catalogue. `is_array` is told to administrators only."""

    name: str
    param: tuple[Parameter, ...] = ()
    is_array: bool | None = None
    required_tokens: int | None = None


class Page(_Reply):
    """One page of a list; `next` is None on the last."""

    count: int = Field(ge=0)
    next: str | None
    results: list[JsonValue]


class Credit(_Reply):
    """What the account may spend; `wait_time` are seconds, or "infinite"."""

    available_cpu_credit: float
    wait_time: float | str | None = None


Names = TypeAdapter(list[str])
Records = TypeAdapter(list[Record])
Entries = TypeAdapter(list[Entry])
