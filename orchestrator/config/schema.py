"""The JSON Schema of orchestrator.toml, for editors that complete and check it."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from orchestrator.config.loading import DEFAULT_BACKENDS
from orchestrator.config.model import Config, ConfiguredBackend
from orchestrator.document import DIALECT, schema_with


def config_schema(kinds: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the schema of the configuration, as JSON values.

    `kinds` gives for each kind of backend the model of its options.
    """
    schema, references = schema_with({"": Config, **kinds})
    definitions = schema["$defs"]
    for stand_in in (ConfiguredBackend, BaseModel):  # for what the kinds fill in
        del definitions[stand_in.__name__]
    for kind, reference in references.items():
        if kind:
            options = definitions[reference["$ref"].rpartition("/")[2]]
            definitions[f"backend of kind {kind}"] = _with_kind(options, kind)
    backends = schema["properties"]["backends"]
    tables = [{"$ref": f"#/$defs/backend of kind {kind}"} for kind in kinds]
    backends["default"] = DEFAULT_BACKENDS
    for pattern in backends["patternProperties"]:
        backends["patternProperties"][pattern] = {"oneOf": tables}
    return {"$schema": DIALECT, **schema, "title": "The configuration of orchestrator"}


def _with_kind(options: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the schema of a backend's table: its options, and which kind it is."""
    which = {"const": kind, "description": "The kind of backend."}
    return {
        **options,
        "properties": {"kind": which, **options.get("properties", {})},
        "required": ["kind", *options.get("required", [])],
    }
