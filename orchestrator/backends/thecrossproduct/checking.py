"""A spec's inputs against what the app itself says it takes, before anything is sent."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from pydantic import JsonValue
from referencing import Registry
from referencing.exceptions import Unresolvable

from orchestrator.backend import ProtocolError, RejectedError
from orchestrator.document import value_text
from orchestrator.log import shorten

LONGEST = 200  # characters of a rule that are shown
COMPARED = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
}
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


def check(name: str, app: str, schema: Mapping[str, Any], inputs: Mapping[str, JsonValue]) -> None:
    """Raise RejectedError with everything that is wrong with the inputs.

    `name` is the backend's; a schema that makes no sense is a ProtocolError.
    """
    wrongly = f"the inputs of {app} are described wrongly"
    try:
        Draft202012Validator.check_schema(schema)
        faults = [*_unknown(schema, inputs), *_unfit(schema, inputs)]
    except SchemaError as error:
        raise ProtocolError(f"{wrongly}: {error.message}", effect="none") from None
    except Unresolvable as error:
        text = f"{wrongly}: {value_text(error.ref)} leads elsewhere, and is not followed"
        raise ProtocolError(text, effect="none") from None
    if faults:
        advice = f"`orchestrator remote {name} describe {app}` shows what it takes"
        raise RejectedError(f"inputs of {app}: {'; '.join(faults)}; {advice}", effect="none")


def _unknown(schema: Mapping[str, Any], inputs: Mapping[str, JsonValue]) -> Iterator[str]:
    if schema.get("additionalProperties") or schema.get("patternProperties"):
        return  # the app takes more than it names
    for name in inputs:
        if name not in schema["properties"]:
            yield f"{name}: there is no such input"


def _unfit(schema: Mapping[str, Any], inputs: Mapping[str, JsonValue]) -> Iterator[str]:
    # A registry of its own: the library's would fetch whatever address a schema refers to.
    faults = Draft202012Validator(schema, registry=Registry()).iter_errors(inputs)
    for fault in sorted(faults, key=lambda it: [str(part) for part in it.absolute_path]):
        path = list(map(str, fault.absolute_path))
        if fault.validator == "required":
            yield from (f"{'.'.join([*path, name])}: it is needed" for name in _missing(fault))
        elif path or fault.validator != "additionalProperties":  # those are told by name above
            wanted = _wanted(fault.validator, fault.validator_value)
            yield f"{'.'.join(path)}: {wanted}, not {value_text(fault.instance)}"


def _missing(fault: ValidationError) -> list[str]:
    """Return the one name that a fault is about; the library has it in its message alone."""
    return [name for name in fault.validator_value if fault.message.startswith(repr(name))]


def _wanted(rule: object, value: JsonValue) -> str:
    if rule == "type":
        return f"expected {value}"
    if rule == "enum" and isinstance(value, list):
        return f"expected one of {', '.join(map(value_text, value))}"
    if rule == "additionalProperties":
        return "expected nothing beside what it names"
    text = shorten(json.dumps(value, ensure_ascii=False), LONGEST)
    return f"expected {COMPARED.get(str(rule), rule)} {text}"
