"""The JSON Schema of job files, for editors that complete and check them."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core.core_schema import DictSchema

from orchestrator.core.spec import JobSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def job_schema(kinds: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """Return the schema of a job file, as JSON values.

    `kinds` gives for the name of each configured backend the model of its `[run]` table: the
    schema asks for the one that the job's `backend` calls for.
    """
    schema, references = schema_with({"": JobSpec, **kinds})
    properties = schema["properties"]
    default = properties["backend"]["default"]
    properties["backend"]["enum"] = sorted(kinds)
    schema["required"] = [it for it in schema["required"] if it != "name"]  # the file has one
    schema["allOf"] = [
        {
            "if": {
                "properties": {"backend": {"const": name}},
                "required": [] if name == default else ["backend"],
            },
            "then": {"properties": {"run": references[name]}},
        }
        for name in kinds
    ]
    return {"$schema": DIALECT, **schema, "title": "A job of orchestrator"}


class _Schema(GenerateJsonSchema):
    def dict_schema(self, schema: DictSchema) -> dict[str, Any]:
        """Refuse keys that are no good names, as our own check does."""
        table = super().dict_schema(schema)
        return {**table, "additionalProperties": False} if "patternProperties" in table else table

    def encode_default(self, dft: Any) -> Any:
        """Write a span of time as people may: pydantic's own way is a form that we refuse."""
        return dft.total_seconds() if isinstance(dft, timedelta) else super().encode_default(dft)


def schema_with(
    models: Mapping[str, type[BaseModel]],
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the schema of the model named "", and a reference to each other one inside it."""
    by_model, definitions = models_json_schema(
        [(it, "validation") for it in models.values()], schema_generator=_Schema
    )
    references = {name: by_model[model, "validation"] for name, model in models.items()}
    schema = definitions["$defs"].pop(references[""]["$ref"].rpartition("/")[2])
    return {**schema, **definitions}, references
