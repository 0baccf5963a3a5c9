"""One tree written in each of the three formats, as plainly as each allows."""

import json
from collections.abc import Callable, Mapping
from typing import Any


def as_json(tree: Mapping[str, Any]) -> str:
    """Write JSON, foreign characters as they are."""
    return json.dumps(tree, ensure_ascii=False)


def as_toml(tree: Mapping[str, Any]) -> str:
    """Write TOML: one line for each key at the top, tables inline."""
    return "".join(f"{_toml(key)} = {_toml_value(value)}\n" for key, value in tree.items())


def as_yaml(tree: Mapping[str, Any]) -> str:
    """Write YAML in its flow style, every text in double quotes."""
    return f"{_yaml_value(tree)}\n"


FORMATS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "json": as_json,
    "toml": as_toml,
    "yaml": as_yaml,
}


def _toml_value(value: Any) -> str:
    match value:
        case str():
            return _toml(value)
        case list():
            return f"[{', '.join(map(_toml_value, value))}]"
        case dict():
            inside = ", ".join(f"{_toml(key)} = {_toml_value(it)}" for key, it in value.items())
            return f"{{ {inside} }}"
        case _:
            return json.dumps(value)


def _yaml_value(value: Any) -> str:
    match value:
        case str():
            return _yaml(value)
        case list():
            return f"[{', '.join(map(_yaml_value, value))}]"
        case dict():
            inside = ", ".join(f"{_yaml(key)}: {_yaml_value(it)}" for key, it in value.items())
            return f"{{{inside}}}"
        case _:
            return json.dumps(value)


def _toml(text: str) -> str:
    """Quote; TOML takes every character but controls as it is."""
    return (
        '"'
        + "".join(_escaped(c) if c in '"\\' or ord(c) < 32 or ord(c) == 127 else c for c in text)
        + '"'
    )


def _yaml(text: str) -> str:
    """Quote; YAML takes what is printable by its own list, which is near Python's."""
    return (
        '"' + "".join(_escaped(c) if c in '"\\' or not c.isprintable() else c for c in text) + '"'
    )


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
