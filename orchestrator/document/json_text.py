"""JSON to a tree with places.

The standard library reads text, numbers and words; objects and arrays are walked here, because it
tells no places and lets the last of two equal keys win.
"""

import json
import re
from itertools import count

from pydantic import JsonValue

from orchestrator.document.source import Document, Source
from orchestrator.document.words import KeyPath

_SPACE = re.compile(r"[ \t\n\r]*+")
_SCALAR = json.JSONDecoder()
_EXPECTED = {
    "Expecting value": "a value: text in double quotes, a number, true, false, null,"
    " a list or a table",
    "Unterminated string": "a closing quote for this text",
    "Invalid control character": r"no line end or control character inside text (\n is a line end)",
    "Invalid \\": r"one of \" \\ \/ \b \f \n \r \t \uXXXX",
}


def read_json(source: Source) -> Document:
    """Return the tree of a JSON text. Raises ProblemsError."""
    reader = _Reader(source)
    reader.space()
    start = reader.at
    tree = reader.value(())
    reader.space()
    if reader.at < len(source.text):
        raise source.fault(reader.at, "nothing more after the end of the table")
    if not isinstance(tree, dict):
        raise source.fault(start, 'a table in "{" and "}"')
    return Document(source, tree, reader.offsets)


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.offsets: dict[KeyPath, int] = {}

    def value(self, path: KeyPath) -> JsonValue:
        if self.skip("{"):
            return self.table(path)
        if self.skip("["):
            return self.items(path)
        return self.scalar()

    def table(self, path: KeyPath) -> dict[str, JsonValue]:
        table: dict[str, JsonValue] = {}
        self.space()
        if self.skip("}"):
            return table
        while True:
            self.space()
            start = self.at
            key = self.key()
            inside = (*path, key)
            if key in table:
                raise self.source.fault(
                    start, "each key to be written once", "a second one", inside
                )
            self.note(inside, start)
            self.space()
            self.demand(":", '":" after the key')
            self.space()
            table[key] = self.value(inside)
            self.space()
            if not self.skip(","):
                self.demand("}", '"," or "}" after the value')
                return table

    def items(self, path: KeyPath) -> list[JsonValue]:
        items: list[JsonValue] = []
        self.space()
        if self.skip("]"):
            return items
        for index in count():
            self.space()
            self.note((*path, index), self.at)
            items.append(self.value((*path, index)))
            self.space()
            if not self.skip(","):
                break
        self.demand("]", '"," or "]" after the value')
        return items

    def key(self) -> str:
        if not self.text.startswith('"', self.at):
            raise self.source.fault(self.at, "a key in double quotes")
        return str(self.scalar())

    def scalar(self) -> JsonValue:
        try:
            value, self.at = _SCALAR.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            for start, expected in _EXPECTED.items():
                if error.msg.startswith(start):
                    raise self.source.fault(error.pos, expected) from None
            raise self.source.fault(error.pos, f"valid JSON ({error.msg})") from None
        except ValueError:  # Python refuses to convert thousands of digits
            raise self.source.fault(self.at, "a number", "thousands of digits") from None
        scalar: JsonValue = value
        return scalar

    def note(self, path: KeyPath, offset: int) -> None:
        self.offsets[path] = offset
        self.source.limit(offset, len(path), len(self.offsets))

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def skip(self, mark: str) -> bool:
        here = self.text.startswith(mark, self.at)
        self.at += len(mark) if here else 0
        return here

    def demand(self, mark: str, expected: str) -> None:
        if not self.skip(mark):
            raise self.source.fault(self.at, expected)
