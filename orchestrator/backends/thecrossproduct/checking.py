"""A spec's inputs against what the app itself says it takes, before anything is sent."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import JsonValue

from orchestrator.backend import ProtocolError, RejectedError
from orchestrator.document import value_text

WHERE = ("content", "top", "properties", "inputs")  # below content[0]


def inputs_of(answer: JsonValue) -> dict[str, Any]:
    """Return the JSON Schema of an app's inputs out of the service's answer."""
    content = answer.get("content") if isinstance(answer, dict) else None
    found: JsonValue = content[0] if isinstance(content, list) and content else None
    for key in WHERE:
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not isinstance(found.get("properties"), dict):
        raise ProtocolError("the app's inputs are described in a way that is not understood")
    return {"type": "object", **found}


def check(app: str, schema: Mapping[str, Any], inputs: Mapping[str, JsonValue]) -> None:
    """Raise RejectedError with everything that is wrong with the inputs."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ProtocolError(f"the inputs of {app} are described wrongly: {error.message}") from None
    faults = [*_unknown(schema, inputs), *_unfit(schema, inputs)]
    if faults:
        advice = f"`orchestrator remote NAME describe {app}` shows what it takes"
        raise RejectedError(f"inputs of {app}: {'; '.join(faults)}; {advice}", effect="none")


def _unknown(schema: Mapping[str, Any], inputs: Mapping[str, JsonValue]) -> Iterator[str]:
    for name in inputs:
        if name not in schema["properties"]:
            yield f"{name}: there is no such input"


def _unfit(schema: Mapping[str, Any], inputs: Mapping[str, JsonValue]) -> Iterator[str]:
    faults = Draft202012Validator(schema).iter_errors(inputs)
    for fault in sorted(faults, key=lambda it: [str(part) for part in it.absolute_path]):
        where = ".".join(map(str, fault.absolute_path))
        if fault.validator == "required":
            yield fault.message
        elif fault.validator != "additionalProperties":  # told by name above
            yield f"{where}: {_wanted(fault.validator, fault.validator_value)}, not " + value_text(
                fault.instance
            )


def _wanted(rule: object, value: JsonValue) -> str:
    if rule == "type":
        return f"expected {value}"
    if rule == "enum" and isinstance(value, list):
        return f"expected one of {', '.join(map(value_text, value))}"
    return f"expected {rule} {value_text(value)}"
