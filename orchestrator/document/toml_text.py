"""TOML to a tree with places."""

import re
import tomllib
from datetime import date, time
from typing import Any

from pydantic import JsonValue

from orchestrator.document.problem import ProblemsError
from orchestrator.document.source import Document, Source
from orchestrator.document.toml_places import spots
from orchestrator.document.words import KeyPath

_AT = re.compile(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", re.DOTALL)
_TWICE = ("Cannot ", "Duplicate ")
_EXPECTED = {
    "Invalid value": "a value: text in quotes, a number, true, false, a date, a list or a table",
    "Invalid statement": "a key, a [table] or a comment",
    "Expected '='": '"=" after the key',
    "Expected newline": "nothing more on the line of a value",
    "Expected ']' at": '"]" after the name of the table',
    "Expected ']]'": '"]]" after the name of the table',
    "Illegal character '\\n'": "the closing quote of the text on the same line",
    "Illegal character": "text without control characters",
    "Unterminated string": "the closing quote of the text",
    "Unclosed array": '"," or "]" in the list',
    "Unclosed inline table": '"," or "}" in the table',
    "Unescaped '\\'": r"one of \" \\ \b \f \n \r \t \uXXXX; in a path, put text in single quotes",
    "Invalid initial character": "a key",
    "Invalid date": "a date that exists",
}


def read_toml(source: Source) -> Document:
    """Return the tree of a TOML text; dates become text. Raises ProblemsError."""
    found = spots(source)
    try:
        tree = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        raise _fault(source, str(error), found) from None
    except ValueError:  # Python refuses to convert thousands of digits
        digits = re.search(r"[0-9_]{4300,}", source.text)
        offset = digits.start() if digits else 0
        raise source.fault(offset, "a number", "thousands of digits") from None
    offsets: dict[KeyPath, int] = {}
    for path, offset in found:
        offsets.setdefault(path, offset)
    return Document(source, {key: _plain(value) for key, value in tree.items()}, offsets)


def _plain(value: Any) -> JsonValue:
    match value:
        case dict():
            return {key: _plain(it) for key, it in value.items()}
        case list():
            return [_plain(it) for it in value]
        case date() | time():  # a datetime is a date
            return value.isoformat()
        case str() | int() | float():
            return value
        case _:
            raise AssertionError(f"tomllib has no {type(value)}")


def _fault(source: Source, message: str, found: list[tuple[KeyPath, int]]) -> ProblemsError:
    parts = _AT.fullmatch(message)
    said = parts[1] if parts else message
    offset = len(source.text)
    if parts and parts[2]:
        offset = source.offset(int(parts[2]), int(parts[3]))
    if said.startswith(_TWICE):
        path, offset = _second(found, offset)
        once = "each key and table to be written once"
        return source.fault(offset, once, "a second one", path)
    for start, expected in _EXPECTED.items():
        if said.startswith(start):
            return source.fault(offset, expected)
    return source.fault(offset, f"valid TOML ({said})")


def _second(found: list[tuple[KeyPath, int]], end: int) -> tuple[KeyPath, int]:
    """Return the last key before `end` that was there before: tomllib stands behind its value."""
    seen: set[KeyPath] = set()
    last: tuple[KeyPath, int] = ((), end)
    for path, offset in found:
        if offset > end:
            break
        if path in seen and isinstance(path[-1], str):
            last = path, offset
        seen.add(path)
    return last
