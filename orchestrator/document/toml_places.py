"""Where every key and every list item of a TOML text stands.

tomllib decides what is valid and what it means, but tells no places. This scanner walks the same
text and notes where things begin. It is made for valid TOML; in any other it stops where it
understands no more, and tomllib says why.
"""

import contextlib
import re
import tomllib
from itertools import count

from orchestrator.document.source import Source
from orchestrator.document.words import KeyPath

_BLANK = re.compile(r"[ \t]*+")
_GAP = re.compile(r"(?:[ \t\n]++|#[^\n]*+)*+")  # also line ends and comments
_KEY_PART = re.compile(r"""[A-Za-z0-9_-]++|"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+'""")
_SCALAR = re.compile(
    r'''"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}'''
    r"""|\'\'\'(?:[^']++|'(?!''))*+'{3,5}"""
    r"""|"(?:[^"\\\n]++|\\.)*+"|'[^'\n]*+'|[^\s,\]}#"'][^,\]}#\n]*+""",
    re.DOTALL,
)


class _LostError(Exception):
    """The text is not TOML from here on."""


def spots(source: Source) -> list[tuple[KeyPath, int]]:
    """Return path and offset of each key and list item, in the order of the text.

    A path comes again each time it is written. Raises ProblemsError where it is too deep or too
    long: before tomllib, which takes minutes or all of the stack for some of these.
    """
    scanner = _Scanner(source)
    with contextlib.suppress(_LostError):
        scanner.document()
    return scanner.spots


class _Scanner:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.text = source.text
        self.at = 0
        self.spots: list[tuple[KeyPath, int]] = []
        self.last_item: dict[KeyPath, int] = {}  # of each array of tables

    def document(self) -> None:
        table: KeyPath = ()
        while self.take(_GAP) is not None and self.at < len(self.text):
            if self.skip("[["):
                table = self.header(begins_item=True)
            elif self.skip("["):
                table = self.header(begins_item=False)
            else:
                self.pair(table)

    def header(self, *, begins_item: bool) -> KeyPath:
        """Note the keys of a header; return the path of the table it opens."""
        parts = self.key()
        path: KeyPath = ()
        for number, (part, offset) in enumerate(parts, start=1):
            path += (part,)
            self.note(path, offset)
            new = begins_item and number == len(parts)
            if new:
                self.last_item[path] = self.last_item.get(path, -1) + 1
            if path in self.last_item:
                path += (self.last_item[path],)
                if new:
                    self.note(path, offset)
        self.demand("]]" if begins_item else "]")
        return path

    def pair(self, path: KeyPath) -> None:
        for part, offset in self.key():
            path += (part,)
            self.note(path, offset)
        self.demand("=")
        self.take(_BLANK)
        self.value(path)

    def key(self) -> list[tuple[str, int]]:
        """Return the parts of a dotted key, each with its offset."""
        parts: list[tuple[str, int]] = []
        while not parts or self.skip("."):
            self.take(_BLANK)
            offset = self.at
            parts.append((_unquoted(self.take(_KEY_PART)), offset))
            self.take(_BLANK)
        return parts

    def value(self, path: KeyPath) -> None:
        if self.skip("["):
            for index in count():
                self.take(_GAP)
                if self.text.startswith("]", self.at):
                    break
                self.note((*path, index), self.at)
                self.value((*path, index))
                self.take(_GAP)
                if not self.skip(","):
                    break
            self.demand("]")
        elif self.skip("{"):
            while self.take(_GAP) is not None and not self.text.startswith("}", self.at):
                self.pair(path)
                self.take(_GAP)
                if not self.skip(","):
                    break
            self.demand("}")
        else:
            self.take(_SCALAR)

    def note(self, path: KeyPath, offset: int) -> None:
        self.spots.append((path, offset))
        self.source.limit(offset, len(path), len(self.spots))

    def take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise _LostError
        self.at = found.end()
        return found[0]

    def skip(self, mark: str) -> bool:
        here = self.text.startswith(mark, self.at)
        self.at += len(mark) if here else 0
        return here

    def demand(self, mark: str) -> None:
        if not self.skip(mark):
            raise _LostError


def _unquoted(part: str) -> str:
    if part.startswith("'"):
        return part[1:-1]
    if not part.startswith('"'):
        return part
    try:
        return str(tomllib.loads(f"it = {part}")["it"])
    except tomllib.TOMLDecodeError:
        raise _LostError from None
