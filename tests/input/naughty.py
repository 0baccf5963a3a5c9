"""Naughty strings in every field of a spec, in every format; and as the name of the file.

The rule of each field stands here once more, in the words of the manual: what keeps to it must be
accepted and stored to the letter, everything else refused.
"""

import re
from collections.abc import Callable, Iterator
from os import fsencode
from pathlib import PurePosixPath
from random import Random
from typing import Any, NamedTuple

from tests.input.case import Case
from tests.input.formats import FORMATS
from tests.input.group import GOOD, others


def _is_name(text: str) -> bool:
    return re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text) is not None


def _is_inside(text: str) -> bool:
    """A relative path without empty parts, dots and controls, of a length that a disk takes."""
    parts = text.split("/")
    controls = any(ord(c) < 32 or 127 <= ord(c) < 160 for c in text)
    short = len(text.encode()) <= 999 and all(len(it.encode()) <= 255 for it in parts)
    return not controls and short and not {"", ".", ".."} & set(parts)


def _is_folder(text: str) -> bool:
    return not text.startswith("/") and ".." not in text.split("/")


def _is_variable(text: str) -> bool:
    return bool(text) and "=" not in text and not text.startswith("ORCHESTRATOR_")


def _is_tag(text: str) -> bool:
    return 0 < len(text) <= 64


def _always(_: str) -> bool:
    return True


def _never(_: str) -> bool:
    return False


class Field(NamedTuple):
    """A place for a text in a spec: how it is written there, and which texts it takes."""

    write: Callable[[str], dict[str, Any]]
    takes: Callable[[str], bool]


def _run(**more: Any) -> dict[str, Any]:
    return {"run": {"command": ["true"], **more}}


def _beside(**more: Any) -> dict[str, Any]:
    return {"run": {"command": ["true"]}, **more}


FIELDS = {
    "name": Field(lambda s: _beside(name=s), _is_name),
    "backend": Field(lambda s: _beside(backend=s), _never),
    "tag": Field(lambda s: _beside(tags=[s]), _is_tag),
    "argument": Field(lambda s: {"run": {"command": ["true", s]}}, _always),
    "script": Field(lambda s: {"run": {"script": s}}, lambda s: bool(s.strip())),
    "variable": Field(lambda s: _run(env={s: "x"}), _is_variable),
    "value": Field(lambda s: _run(env={"X": s}), _always),
    "secret": Field(lambda s: _run(env={"X": {"secret": s}}), _is_name),
    "cwd": Field(lambda s: _run(cwd=s), _is_folder),
    "input": Field(lambda s: _beside(inputs={s: __file__}), _is_inside),
    "source": Field(lambda s: _beside(inputs={"x": s}), _never),
    "include": Field(lambda s: _beside(outputs={"include": [s]}), _is_inside),
    "exclude": Field(lambda s: _beside(outputs={"exclude": [s]}), _is_inside),
    "time": Field(lambda s: _beside(limits={"time": s}), _never),
    "deadline": Field(lambda s: _beside(limits={"deadline": s}), _never),
    "delay": Field(lambda s: _beside(retry={"delay": s}), _never),
    "on": Field(lambda s: _beside(retry={"on": [s]}), _never),
    "key": Field(lambda s: _beside(**{s: 1}), _never),
}


def strings() -> list[str]:
    """Return all naughty strings."""
    found: list[str] = others("naughty_strings")["strings"]
    return found


def cases(_: Random) -> list[Case]:
    """Return each string in each field in each format, and as a name."""
    return [*_in_fields(), *_as_names()]


def _in_fields() -> Iterator[Case]:
    for kind, field in FIELDS.items():
        for ending, write in FORMATS.items():
            for number, text in enumerate(strings()):
                tree = field.write(text)
                name = f"{kind}-{number:03}.{ending}".encode()
                data = write(tree).encode()
                if field.takes(text):
                    yield Case(name, data, "accepted", keeps=_kept(kind, tree))
                else:
                    yield Case(name, data, "rejected", f"{name.decode()}:")


def _kept(kind: str, tree: dict[str, Any]) -> tuple[tuple[str, ...], Any]:
    """Return the table that the text was written into, as it must be stored."""
    if kind == "cwd":
        return ("run", "cwd"), str(PurePosixPath(tree["run"]["cwd"]))
    for key in ("inputs", "tags", "name"):
        if key in tree:
            return (key,), tree[key]
    if "outputs" in tree:
        ((key, value),) = tree["outputs"].items()
        return ("outputs", key), value
    key = [*tree["run"]][-1]
    return ("run", key), tree["run"][key]


def _as_names() -> Iterator[Case]:
    """As the name of a file: whatever a disk takes is a job, refused for its name, or left."""
    for number, text in enumerate(strings()):
        name = fsencode(text.replace("/", "_").replace("\0", "_"))[:200]
        yield Case(name + b".%03d.toml" % number, GOOD, "any")
