"""What the service answers, as far as we rely on it. Unknown fields pass; wrong types do not.

Numbers may come as strings, and what is not set comes as "".
"""

from typing import Annotated

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    TypeAdapter,
)

from orchestrator.backends.http.typed import read


def _unset(value: object) -> object:
    return None if value == "" else value


def _text(value: object) -> object:
    """Lines may come as a list; whatever else is no text is none for us."""
    if isinstance(value, list):
        return "\n".join(line for line in value if isinstance(line, str))
    return value if isinstance(value, str) else ""


def _number(value: object) -> object:
    """A number, or one in a text; True is 1 for Python alone, and for us none."""
    if isinstance(value, bool) or (isinstance(value, str) and not value.isascii()):
        raise ValueError("expected a number")
    return value


def _id(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Unset = BeforeValidator(_unset)
Text = Annotated[str, BeforeValidator(_text)]
ItemId = Annotated[str, BeforeValidator(_id), Field(pattern=r"^[A-Za-z0-9._=-]{1,128}$")]


class _Reply(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True)


class Simulation(_Reply):
    """A simulation, in a list or by its id; `output` and `logs` only by `view`.

    `status` is one of `judging.Status`, or one that we do not know. `idate` and `edate` are without
    a zone; `cpu_hrs` are hours.
    """

    id: int = Field(ge=0)
    folder: str
    status: int
    script: Text = ""
    idate: Text = ""
    edate: Text = ""
    cpu_hrs: Annotated[float | None, Unset] = None
    cost: Annotated[float | None, Unset] = None
    output: Text = ""
    logs: Text = ""

    def facts(self) -> dict[str, JsonValue]:
        """Return the record for people: without what it says, and without the key to its screen."""
        facts = self.model_dump(mode="json", exclude={"output", "logs", "vnc_url"})
        return dict(sorted(facts.items()))


class Item(_Reply):
    """A file or folder of the storage; `name` is its full path, `size` in bytes."""

    id: ItemId
    name: str
    type: str
    size: Annotated[int | None, Unset] = None
    created: Text = Field(default="", alias="timeCreated")


class Link(_Reply):
    """A signed address under one of the names that the service has for it."""

    url: Text = ""
    media_link: Text = Field(default="", alias="mediaLink")


Simulations = TypeAdapter(list[Simulation])
Items = TypeAdapter(list[Item])
Words = TypeAdapter(list[str | int])
Number = TypeAdapter(Annotated[int, BeforeValidator(_number), Field(ge=0)])


def link_of(value: JsonValue) -> str:
    """Return the signed address of an answer: text, or under `url` or `mediaLink`; "" for none."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        link = read(Link, value, "link")
        return link.url or link.media_link
    return ""
