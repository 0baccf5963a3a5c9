"""A reply's tree as a model: wrong types are no answer."""

from typing import TypeVar

from pydantic import JsonValue, TypeAdapter, ValidationError

from orchestrator.backend import Effect, ProtocolError

T = TypeVar("T")


def read(
    model: type[T] | TypeAdapter[T], value: JsonValue, what: str, effect: Effect = "none"
) -> T:
    """Return a reply as its model; raise ProtocolError, without the values, when it is not one."""
    adapter = model if isinstance(model, TypeAdapter) else TypeAdapter(model)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        text = f"the answer is no {what}: {where}: {first['msg']}"
        raise ProtocolError(text, effect=effect) from None
