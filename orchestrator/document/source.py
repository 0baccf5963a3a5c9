"""A text with its places, and the tree that was read from it."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from pydantic import JsonValue

from orchestrator.document.problem import Problem, ProblemsError
from orchestrator.document.words import KeyPath, key_text, quoted

DEEPEST = 64  # tables and lists inside each other: no job needs it, every parser survives it
MOST = 10_000  # keys and list items in all: read within a second in each format


class Place(NamedTuple):
    """Where something begins: both count from 1; the column in characters."""

    line: int
    column: int


@dataclass(frozen=True)
class Source:
    """The text of one file; offsets into it count characters from 0."""

    file: str
    text: str

    @cached_property
    def _line_starts(self) -> list[int]:
        return [0, *(at + 1 for at, it in enumerate(self.text) if it == "\n")]

    def place(self, offset: int) -> Place:
        """Return line and column of an offset."""
        line = bisect_right(self._line_starts, offset)
        return Place(line, offset - self._line_starts[line - 1] + 1)

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line and column."""
        return self._line_starts[line - 1] + column - 1

    def fault(
        self, offset: int, expected: str, found: str | None = None, path: KeyPath = ()
    ) -> ProblemsError:
        """Return the error to raise where the text is no valid document.

        Without `found` it is the one character at the offset: never more, it could be a secret.
        """
        found = self._character(offset) if found is None else found
        return ProblemsError(
            [Problem(self.file, *self.place(offset), key_text(path), expected, found)]
        )

    def limit(self, offset: int, depth: int, number: int) -> None:
        """Raise ProblemsError if the key or item at the offset is too deep, or one too many."""
        if depth > DEEPEST:
            expected = f"at most {DEEPEST} tables and lists inside each other"
            raise self.fault(offset, expected, "more")
        if number > MOST:
            raise self.fault(offset, f"at most {MOST} keys and list items", "more")

    def _character(self, offset: int) -> str:
        match self.text[offset : offset + 1]:
            case "":
                return "the end of the file"
            case "\n":
                return "the end of the line"
            case other:
                return quoted(other)


@dataclass(frozen=True)
class Document:
    """A tree of JSON values, and the offset of every key and list item in its source."""

    source: Source
    tree: dict[str, JsonValue]
    offsets: Mapping[KeyPath, int]

    def place(self, path: KeyPath) -> Place:
        """Return where a key or list item stands; for what is missing, where its table does."""
        while path and path not in self.offsets:
            path = path[:-1]
        return self.source.place(self.offsets.get(path, 0))

    def problem(self, path: KeyPath, expected: str, found: str) -> Problem:
        """Return a problem at the place of a key or list item."""
        return Problem(self.source.file, *self.place(path), key_text(path), expected, found)


def decode(data: bytes, file: str) -> Source:
    """Return the text of a file, without a byte order mark and with single line feeds.

    Raises ProblemsError where it is not UTF-8 or contains a NUL character.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = Source(file, _normal(data[: error.start].decode("utf-8")))
        byte = f"the byte 0x{data[error.start]:02X}"
        raise before.fault(len(before.text), "text in UTF-8", byte) from None
    source = Source(file, _normal(text))
    if (offset := source.text.find("\0")) >= 0:
        raise source.fault(offset, "text", "a NUL character")
    return source


def _normal(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n")
