"""The JSON Schema that editors complete and check orchestrator.toml with."""

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from orchestrator.config import config_schema, read_config

Kinds = Mapping[str, type[BaseModel]]
TEMPLATE = Path(__file__).parents[2] / "config" / "orchestrator.toml"


def told(schema: dict[str, Any], tree: object) -> list[str]:
    """Return where an editor would underline something."""
    errors = Draft202012Validator(schema).iter_errors(tree)
    return sorted(".".join(map(str, it.absolute_path)) for it in errors)


def test_it_is_a_schema_in_json(kinds: Kinds) -> None:
    """An editor would refuse the schema itself."""
    schema = config_schema(kinds)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(schema)) == schema


def test_it_knows_the_commented_file(kinds: Kinds) -> None:
    """An editor would underline the file that we hand out."""
    tree = tomllib.loads(TEMPLATE.read_text())
    assert told(config_schema(kinds), tree) == []


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("", []),
        ('[backends.a]\nkind = "service"\nurl = "u"\npatience = "5s"', []),
        ('[backends.a]\nkind = "service"', ["backends.a"]),
        ('[backends.a]\nkind = "local"\nurl = "u"', ["backends.a"]),
        ('[backends.a]\nkind = "other"', ["backends.a"]),
        ("[backends.a]\nmost = 1", ["backends.a"]),
        ('[backends."a b"]\nkind = "local"', ["backends"]),
        ('[secrets.a]\nenv = "A"', []),
        ('[secrets.a]\nenv = "A"\nfile = "/b"', ["secrets.a"]),
        ("[secrets.a]", ["secrets.a"]),
        ('results.keep_free = "1 GiB"', []),
        ('results.keep_free = "1 XB"', ["results.keep_free"]),
        ("upkeep.check = false", []),
        ("upkeep.check = true", ["upkeep.check"]),
        ('upkeep.check = "0 4 * * ?"', ["upkeep.check"]),
        ('log.level = "loud"', ["log.level"]),
        ("spol = 1", [""]),
    ],
)
def test_what_an_editor_underlines(text: str, errors: list[str], kinds: Kinds) -> None:
    """An editor would accept what we refuse, or underline what is right."""
    assert told(config_schema(kinds), tomllib.loads(text)) == errors
    if not errors:
        read_config(text.encode(), "orchestrator.toml", kinds)


def test_defaults_are_what_a_file_may_say(kinds: Kinds) -> None:
    """An editor would fill in a default that we refuse."""
    schema = config_schema(kinds)
    for name in ("Spool", "Results", "Log", "Upkeep"):
        table = {key: it["default"] for key, it in schema["$defs"][name]["properties"].items()}
        filled = {name.lower(): table}
        assert told(schema, filled) == []
        assert read_config(json.dumps(filled).encode(), "c.json", kinds) == read_config(
            b"", "c.toml", kinds
        )
    assert schema["properties"]["backends"]["default"] == {"local": {"kind": "local"}}


def test_every_key_is_described(kinds: Kinds) -> None:
    """An editor would complete a key and not say what it is for."""
    for name, table in config_schema(kinds)["$defs"].items():
        assert table["description"], name
        for key, value in table["properties"].items():
            assert value["description"], f"{name}.{key}"
