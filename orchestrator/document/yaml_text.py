"""YAML 1.2 to a tree with places: what JSON has, and nothing that surprises.

ruamel.yaml reads the text; what its plain words mean is decided here by the core schema of
YAML 1.2, so that `no` and `12:30` and `2027-01-31` stay text. Tags, anchors, merge keys and
several documents are refused: a job says what it means where it says it.
"""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

from pydantic import JsonValue
from ruamel.yaml import YAML, events
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError

from orchestrator.document.problem import ProblemsError
from orchestrator.document.source import Document, Source
from orchestrator.document.words import KeyPath, value_text

_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_NO_CHARACTER = re.compile(r"\\U(?!000|0010)[0-9a-fA-F]{8}")  # Unicode ends at 0010FFFF
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_EXPECTED = {
    "found character '\\t'": "spaces at the beginning of the line",
    "found character": "text in quotes, because of the character it begins with",
    "mapping values are not": 'one key on each line, and quotes around text with ": " in it',
    "sequence entries are not": "the list on the lines below its key, or in brackets",
    "could not find expected ':'": '":" and a blank behind the key',
    "expected ',' or ']'": '"," or "]" in the list',
    "expected ',' or '}'": '"," or "}" in the table',
    "expected <block end>, but found '<scalar>'": "nothing more after the closing quote",
    "expected <block end>": "a line that goes on with what stands above, indented alike",
    "expected '<document start>'": "nothing more after the end of the value",
    "expected the node content": "a value",
    "found unexpected end of stream": "the closing quote of the text",
    "found unknown escape": r"one of \" \\ \n \t \xXX \uXXXX; in a path, put text in single quotes",
}
_WORDS: dict[str, JsonValue] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


def read_yaml(source: Source) -> Document:
    """Return the tree of a YAML text; an empty text is an empty table. Raises ProblemsError."""
    reader = _Reader(source)
    try:
        tree = reader.document()
    except ReaderError as error:
        raise source.fault(error.position, "text without control characters") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        offset = len(source.text) if mark is None else mark.index
        raise source.fault(offset, _expected(str(error.problem or error.context))) from None
    except YAMLError as error:
        raise source.fault(0, f"valid YAML ({error})") from None
    except (ValueError, OverflowError):  # what ruamel.yaml lets through: numbers beyond all bounds
        beyond = _NO_CHARACTER.search(source.text)
        if beyond is None:
            raise source.fault(0, "valid YAML (a number in it is too large)") from None
        expected = r"a character of Unicode, at most \U0010FFFF"
        raise source.fault(beyond.start(), expected) from None
    return Document(source, tree, reader.offsets)


def _expected(said: str) -> str:
    """Return the words of people for those of ruamel.yaml."""
    for start, expected in _EXPECTED.items():
        if said.startswith(start):
            return expected
    return f"valid YAML ({said})"


class _Reader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.events: Iterator[Any] = YAML(typ="safe", pure=True).parse(source.text)
        self.offsets: dict[KeyPath, int] = {}

    def document(self) -> dict[str, JsonValue]:
        next(self.events)  # the start of the stream
        start = next(self.events)
        if isinstance(start, events.StreamEndEvent):
            return {}
        if start.version not in {None, (1, 2)}:
            raise self.fault(start, "YAML 1.2", "another version")
        top = next(self.events)
        tree = self.value(top, ())
        next(self.events)  # the end of the document
        further = next(self.events)
        if not isinstance(further, events.StreamEndEvent):
            raise self.fault(further, "one document in the file", "a second one")
        if tree is None:
            return {}
        if not isinstance(tree, dict):
            raise self.fault(top, 'a table: lines of the form "key: value"')
        return tree

    def value(self, event: Any, path: KeyPath) -> JsonValue:
        if isinstance(event, events.AliasEvent) or event.anchor is not None:
            itself = 'the value itself (text that begins with "&" or "*" needs quotes)'
            raise self.fault(event, itself, "an anchor or alias", path)
        if event.tag is not None:
            untagged = 'a value without a tag (text that begins with "!" needs quotes)'
            raise self.fault(event, untagged, "a tag", path)
        match event:
            case events.MappingStartEvent():
                return self.table(path)
            case events.SequenceStartEvent():
                return self.items(path)
            case _:
                return self.scalar(event, path)

    def table(self, path: KeyPath) -> dict[str, JsonValue]:
        table: dict[str, JsonValue] = {}
        while not isinstance(event := next(self.events), events.MappingEndEvent):
            key = self.value(event, path) if isinstance(event, events.ScalarEvent) else []
            if not isinstance(key, str):
                found = "a list or a table" if key == [] else value_text(key)
                raise self.fault(event, "a key that is text, in quotes if need be", found, path)
            inside = (*path, key)
            if key == "<<" and event.implicit[0]:
                raise self.fault(event, "the keys themselves", "a merge key", path)
            if key in table:
                raise self.fault(event, "each key to be written once", "a second one", inside)
            self.note(inside, event)
            table[key] = self.value(next(self.events), inside)
        return table

    def items(self, path: KeyPath) -> list[JsonValue]:
        items: list[JsonValue] = []
        for index in count():
            event = next(self.events)
            if isinstance(event, events.SequenceEndEvent):
                break
            self.note((*path, index), event)
            items.append(self.value(event, (*path, index)))
        return items

    def scalar(self, event: Any, path: KeyPath) -> JsonValue:
        text: str = event.value
        if not event.implicit[0]:  # in quotes, or a block
            return text
        if text in _WORDS:
            return _WORDS[text]
        try:
            if _INTEGER.fullmatch(text):
                return int(text)
            if _BASED.fullmatch(text):
                return int(text, 0)
        except ValueError:  # Python refuses to convert thousands of digits
            raise self.fault(event, "a number", "thousands of digits", path) from None
        return float(text) if _FLOAT.fullmatch(text) else text

    def note(self, path: KeyPath, event: Any) -> None:
        self.offsets[path] = event.start_mark.index
        self.source.limit(self.offsets[path], len(path), len(self.offsets))

    def fault(
        self, event: Any, expected: str, found: str | None = None, path: KeyPath = ()
    ) -> ProblemsError:
        return self.source.fault(event.start_mark.index, expected, found, path)
