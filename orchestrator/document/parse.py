"""Bytes of a file to a tree of JSON values with places; the format is told by the extension."""

import math
import re
from collections.abc import Callable, Iterator
from pathlib import PurePath

from pydantic import JsonValue

from orchestrator.document.json_text import read_json
from orchestrator.document.problem import Problem, ProblemsError
from orchestrator.document.source import Document, Source, decode
from orchestrator.document.toml_text import read_toml
from orchestrator.document.words import KeyPath, choice, quoted, value_text


def _read_yaml(source: Source) -> Document:
    from orchestrator.document.yaml_text import read_yaml  # noqa: PLC0415 - takes 60 ms to import

    return read_yaml(source)


READERS: dict[str, Callable[[Source], Document]] = {
    ".toml": read_toml,
    ".json": read_json,
    ".yaml": _read_yaml,
    ".yml": _read_yaml,
}


def parse(data: bytes, file: str) -> Document:
    """Return the tree of a file's bytes.

    Raises ProblemsError for an extension that is not in READERS, for what is not valid in its
    format, and for values that cannot be kept: numbers that are not finite or need more than 64
    bits, text with NUL or with half a surrogate pair.
    """
    extension = PurePath(file).suffix.lower()
    if extension not in READERS:
        found = quoted(extension) if extension else "none"
        expected = f"a file name that ends in {choice(READERS)}"
        raise ProblemsError([Problem(file, 1, 1, "", expected, found)])
    document = READERS[extension](decode(data, file))
    if problems := list(_unfit(document, document.tree, ())):
        raise ProblemsError(problems)
    return document


def _unfit(document: Document, value: JsonValue, path: KeyPath) -> Iterator[Problem]:
    match value:
        case dict():
            for key, inner in value.items():
                if _is_unfit(key):
                    yield document.problem((*path, key), _FIT_TEXT, "such a character")
                yield from _unfit(document, inner, (*path, key))
        case list():
            for index, inner in enumerate(value):
                yield from _unfit(document, inner, (*path, index))
        case str() if _is_unfit(value):
            yield document.problem(path, _FIT_TEXT, "such a character")
        case bool():
            pass
        case int() if not -(2**63) <= value < 2**63:
            yield document.problem(path, "a whole number of at most 64 bits", "a greater one")
        case float() if not math.isfinite(value):
            yield document.problem(path, "a finite number", value_text(value, path))


_UNFIT = re.compile("[\0\ud800-\udfff]")
_FIT_TEXT = "text without NUL and without half a surrogate pair"


def _is_unfit(text: str) -> bool:
    return _UNFIT.search(text) is not None
