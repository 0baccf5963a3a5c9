"""The JSON Schema that editors complete and check job files with."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from orchestrator.document import ProblemsError, job_schema, parse, read_spec

Kinds = Mapping[str, type[BaseModel]]
CASES = tomllib.loads(Path(__file__).with_name("bad_specs.toml").read_text("utf-8"))["case"]


def told(schema: dict[str, Any], tree: object) -> list[str]:
    """Return where an editor would underline something."""
    errors = Draft202012Validator(schema).iter_errors(tree)
    return sorted(".".join(map(str, it.absolute_path)) for it in errors)


def test_it_is_a_schema_in_json(kinds: Kinds) -> None:
    """An editor would refuse the schema itself."""
    schema = job_schema(kinds)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ('run.command = ["a"]', []),
        ('name = "a"\nrun.command = ["a"]\nlimits.time = "1h"\nretry.delay = 5', []),
        ('backend = "local"\nrun.command = ["a"]', []),
        ('backend = "cluster"\nrun.study = "a"', []),
        ('backend = "cluster"\nrun.command = ["a"]', ["run", "run"]),
        ('run.study = "a"', ["run"]),
        ('backend = "other"\nrun.study = "a"', ["backend"]),
        ('name = "a b"\nrun.command = ["a"]', ["name"]),
        ('run.command = ["a", 5]', ["run.command"]),
        ('run.command = ["a"]\ntag = ["a"]', [""]),
        ('run.command = ["a"]\nafter = ["mesh", "7k2"]', []),
        ('run.command = ["a"]\nafter = ["mesh", "mesh"]', ["after"]),
        ('run.command = ["a"]\nafter = ["my mesh"]', ["after.0"]),
        ('run.command = ["a"]\nretry.attempts = 0', ["retry.attempts"]),
        ("", [""]),
    ],
)
def test_what_an_editor_underlines(text: str, errors: list[str], kinds: Kinds) -> None:
    """An editor would accept what we refuse, or underline what is right."""
    assert told(job_schema(kinds), parse(text.encode(), "j.toml").tree) == errors


def test_what_we_accept_no_editor_underlines(kinds: Kinds) -> None:
    """A user would mend what is right."""
    schema = job_schema(kinds)
    for text in (
        '{"run": {"command": ["a"]}, "limits": {"time": 0.5, "deadline": "2027-01-31T18:00:00Z"}}',
        '{"run": {"script": "a", "env": {"A": {"secret": "b"}, "C": "d"}, "cwd": null}}',
        '{"run": {"script": ""}, "inputs": {"a": "/b"}, "outputs": {"include": null}, "tags": []}',
    ):
        read_spec(text.encode(), "j.json", kinds, default_name="a")
        assert told(schema, json.loads(text)) == []


def test_editors_find_most_of_what_we_refuse(kinds: Kinds) -> None:
    """A user would learn of a mistake only after the drop."""
    schema = job_schema(kinds)
    trees = []
    for case in CASES:
        try:
            trees.append(parse(case["text"].encode(), case["file"]).tree)
        except ProblemsError:
            continue
    found = sum(1 for tree in trees if told(schema, tree))
    assert len(trees) > 50
    assert found / len(trees) > 0.6


def descriptions(schema: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every key of every table with what an editor shows for it."""
    for name, table in {"": schema, **schema["$defs"]}.items():
        for key, value in table.get("properties", {}).items():
            inner = schema["$defs"].get(value.get("$ref", "").rpartition("/")[2], {})
            yield f"{name}.{key}", value.get("description") or inner.get("description", "")


def test_every_key_is_described(kinds: Kinds) -> None:
    """An editor would complete a key and not say what it is for."""
    described = dict(descriptions(job_schema(kinds)))
    assert ".name" in described
    assert "Limits.time" in described
    assert "Solve.mesh" in described
    assert [key for key, text in described.items() if not text] == ["Reference.secret"]


def test_defaults_are_what_a_file_may_say(kinds: Kinds) -> None:
    """An editor would fill in a default that we refuse."""
    schema = job_schema(kinds)
    assert schema["$defs"]["Retry"]["properties"]["delay"]["default"] == 10.0
    filled = {
        key: value["default"]
        for key, value in schema["properties"].items()
        if value.get("default") is not None
    }
    filled["run"] = {"command": ["a"]}
    read_spec(json.dumps(filled).encode(), "j.json", kinds, default_name="a")
    assert told(schema, filled) == []
