"""Foreign names of outputs → paths that are safe on this machine.

A name comes from a job or a service and may be anything. No output is refused for its name: what
is unsafe in it is replaced, and the manifest records the name it had.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

OUTPUTS = "outputs"
MANIFEST = "MANIFEST.json"
HISTORY = "history.jsonl"
SPEC_SUFFIXES = (".toml", ".yaml", ".yml", ".json")
RESERVED = (OUTPUTS, MANIFEST, HISTORY, *(f"spec{suffix}" for suffix in SPEC_SUFFIXES))

PART_BYTES = 200  # file systems allow 255; the rest is left for tools that append to names
PATH_BYTES = 1000
EXTENSION_LETTERS = 20  # what is longer after the last dot is no kind of file
DEPTH = 16
_ARCHIVE = re.compile(r"(?<=[^/])(\.tar)?(\.[A-Za-z0-9]+)$", re.IGNORECASE)
# Control, format (bidi, zero-width), lone surrogates, line and paragraph separators.
_UNSAFE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Foreign(NamedTuple):
    """An output as its backend names it; `log` puts it beside `outputs/` instead of below."""

    name: str
    log: bool = False


def local_names(outputs: Sequence[Foreign]) -> list[str]:
    """Return the local path of each output, relative to the run's folder, in the same order.

    No two of them meet on any file system, not even on one that ignores case or composes accents,
    and none is a folder of another. The same outputs get the same paths in whatever order a
    backend lists them.
    """
    folders = _Folders()
    paths = [""] * len(outputs)
    for index in sorted(range(len(outputs)), key=lambda i: outputs[i]):
        paths[index] = folders.place(outputs[index])
    return paths


def folders_beside(archives: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """Return for each archive the folder beside it that takes what is in it.

    It is named like the archive, without its suffix. `names` are the paths of all files, made by
    `local_names`: the folder meets none of them, nor a folder of theirs, on any file system.
    """
    known = set(names)
    taken = {folded(path) for path in known | folders_of(known)}
    folders = {}
    for archive in sorted(archives):
        plain = _ARCHIVE.sub("", archive)
        picked, number = plain, 2
        while folded(picked) in taken:
            picked, number = f"{plain}~{number}", number + 1
        taken.add(folded(picked))
        folders[archive] = picked
    return folders


def is_safe(path: str) -> bool:
    """Whether a path is one that `local_names` could have made."""
    return all(part == safe_part(part) for part in path.split("/"))


def folders_of(paths: Iterable[str]) -> set[str]:
    """Return every folder that the paths lie in, at any depth, the top one aside."""
    folders: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


class _Folders:
    """The names taken so far, folder by folder."""

    def __init__(self) -> None:
        self._taken = {"": {folded(name): 2 for name in RESERVED}}  # → next number to try
        self._known: dict[tuple[str, str], str] = {("", OUTPUTS): OUTPUTS}

    def place(self, output: Foreign) -> str:
        parts = safe_parts(output.name)
        folder = "" if output.log else OUTPUTS
        for part in parts[:-1]:
            if (folder, part) not in self._known:
                self._known[folder, part] = self._pick(folder, part, extension=False)
            folder = _join(folder, self._known[folder, part])
        return _join(folder, self._pick(folder, parts[-1], extension=True))

    def _pick(self, folder: str, part: str, *, extension: bool) -> str:
        """Return the name, or the name with the first number that nothing else has."""
        taken = self._taken.setdefault(folder, {})
        name, first = part, folded(part)
        while folded(name) in taken:
            name = _with_suffix(part, f"~{taken[first]}", extension=extension)
            taken[first] += 1
        taken[folded(name)] = 2
        return name


def safe_parts(name: str) -> list[str]:
    """Return the parts of a foreign name, each safe by itself; never none at all."""
    parts = [safe_part(part) for part in name.split("/") if part not in {"", "."}] or ["unnamed"]
    while not _fits([OUTPUTS, *parts]):
        del parts[-2]  # too deep or too long: the innermost folders go, the file's name stays
    return parts


def _fits(parts: Sequence[str]) -> bool:
    return len(parts) <= DEPTH and len("/".join(parts).encode()) <= PATH_BYTES


def safe_part(part: str) -> str:
    """Replace what is unsafe in one part, and cut it to its length."""
    if part in {"", ".", ".."}:
        return "__"
    composed = unicodedata.normalize("NFC", part)
    replaced = "".join(
        "_" if c in "/\\" or unicodedata.category(c) in _UNSAFE_CATEGORIES else c for c in composed
    )
    return _with_suffix(replaced, "", extension=True)


def _with_suffix(part: str, suffix: str, *, extension: bool) -> str:
    """Insert the suffix before the extension, so that programs still know the kind of file."""
    stem, dot, ending = part.rpartition(".") if extension else (part, "", "")
    if not stem or len(ending) > EXTENSION_LETTERS:
        stem, dot, ending = part, "", ""
    tail = suffix + dot + ending
    room = PART_BYTES - len(tail.encode())
    return stem.encode()[:room].decode(errors="ignore") + tail


def folded(name: str) -> str:
    """Return what a file system that ignores case and composition takes the name for."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
