"""Relative paths of files in a run's directory: names of inputs, patterns of outputs."""

import re
from collections.abc import Iterable, Iterator

LONGEST_PART = 255  # bytes, on every file system of Linux
LONGEST = 1000  # bytes, so that it still fits below a directory of our own

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def check_inside(path: str) -> str:
    """Return a path that stays inside the directory it is relative to.

    Raises ValueError, with a text that says what was expected, for any other.
    """
    if flaw := _flaw(path):
        raise ValueError(f"expected a path inside the run's directory, {flaw}")
    return path


def check_source(path: str) -> str:
    """Return where an input comes from: an absolute path, or one that stays beside the spec.

    Raises ValueError, with a text that says what was expected, for any other.
    """
    flaw = _flaw(path.removeprefix("/"))
    if path.startswith("~"):
        flaw = 'without "~" at its beginning'  # a shell's word: nothing expands it here
    if flaw:
        raise ValueError(f"expected a file beside the spec or an absolute path, {flaw}")
    return path


def nested(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield each name with the other one that it needs as a directory: `a/b` with `a`."""
    known = set(names)
    for name in sorted(known):
        folder = name.rpartition("/")[0]
        while folder:
            if folder in known:
                yield name, folder
            folder = folder.rpartition("/")[0]


def _flaw(path: str) -> str | None:
    """Return what a path must be without; None for a good one."""
    parts = path.split("/")
    if not parts[0] and len(parts) > 1:
        return 'without "/" at its beginning'
    if ".." in parts:
        return 'without ".."'
    if "" in parts or "." in parts:
        return 'without empty parts and without "."'
    if _CONTROL.search(path):
        return "without control characters"
    if _size(path) > LONGEST or max(_size(part) for part in parts) > LONGEST_PART:
        return f"of at most {LONGEST} bytes, {LONGEST_PART} between slashes"
    return None


def _size(text: str) -> int:
    """Return the bytes that a file system counts."""
    return len(text.encode("utf-8", "surrogatepass"))
