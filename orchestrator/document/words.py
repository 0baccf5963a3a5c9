"""How foreign text, keys and values are shown to people: on one line, short, without secrets."""

import difflib
import json
import re
from collections.abc import Iterable, Sequence

from pydantic import JsonValue

KeyPath = tuple[str | int, ...]
"""The keys and list positions that lead from the top of a tree to one of its values."""

_LONGEST_TEXT = 60
_LONGEST_KEY = 80
_MOST_WORDS = 12
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_PRIVATE = re.compile(
    r"secret|token|passw|passphrase|credential|private|api[-_]?key|^env$", re.IGNORECASE
)


def printable(text: str) -> str:
    """Return the text with everything that a terminal or a log could act on as an escape.

    That is control characters, line ends, text direction marks and halves of surrogate pairs.
    """
    return "".join(it if it.isprintable() else _escape(it) for it in text)


def quoted(text: str) -> str:
    """Return the text in quotes, on one line; only the beginning of a long one."""
    short = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"
    return printable(json.dumps(short, ensure_ascii=False))


def key_text(path: KeyPath) -> str:
    """Return a path as people write it: `inputs."mesh.inp"`, `run.command[2]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += ("." if text else "") + (part if _BARE_KEY.fullmatch(part) else quoted(part))
    return text if len(text) <= _LONGEST_KEY else text[:_LONGEST_KEY] + "…"


def value_text(value: JsonValue, path: KeyPath = ()) -> str:
    """Return a value in the words of the formats; without itself where its path is private."""
    private = any(isinstance(part, str) and _PRIVATE.search(part) for part in path)
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return "text that is not shown here" if private else quoted(value)
        case int() | float():
            return "a number that is not shown here" if private else f"the number {value!r:.30}"
        case list():
            return "an empty list" if not value else "a list"
        case _:
            return "an empty table" if not value else "a table"


def either(words: Sequence[str]) -> str:
    """Return `a`, `a or b`, `a, b or c`; only the first of very many."""
    if len(words) > _MOST_WORDS:
        return ", ".join(words[:_MOST_WORDS]) + ", …"
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def choice(known: Iterable[str], wrong: object = None) -> str:
    """Return the known words as quoted text, with the one that was probably meant."""
    words = list(known)
    near = difflib.get_close_matches(wrong, words, n=1) if isinstance(wrong, str) else []
    hint = f" (did you mean {quoted(near[0])}?)" if near and len(words) > 1 else ""
    return either([quoted(word) for word in words]) + hint


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
