"""Which entries of an archive become files, and under which names. Pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from orchestrator.core.names import PATH_BYTES, folded, safe_part
from orchestrator.core.paths import LONGEST_PART

FILE = "file"
FOLDER = "folder"

ENTRIES = 100_000
DEPTH = 64  # folders in folders
NAME_BYTES = 16 << 20  # of all names together: they are what is kept in memory
SMALL = 256 << 20  # bytes: what any archive may expand to
RATIO = 200  # how many times its own size a larger one may: text takes 3 to 20, a bomb 1000

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_SHOWN = 60  # characters of a name


class RefusedError(Exception):
    """The archive is not unpacked; the text says why, and may hold foreign names: escape it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that an archive may hold: bytes once expanded, entries of any kind."""

    size: int
    entries: int = ENTRIES


def limits_for(archive: int, room: int) -> Limits:
    """Return the limits for an archive of so many bytes, where `room` bytes could ever be free."""
    return Limits(min(max(SMALL, RATIO * archive), room))


def too_large(limits: Limits) -> RefusedError:
    """Return the refusal of what expands to too much."""
    return RefusedError(f"it expands to more than {limits.size} bytes, the most allowed for it")


def too_many(limits: Limits) -> RefusedError:
    """Return the refusal of what has too many entries, or too much to tell of them."""
    return RefusedError(f"it has more than {limits.entries} entries, or too long names")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry as the archive has it. `kind` is FILE, FOLDER, or in words what else it is.

    `chunks` are its bytes: read them, or leave them, before the next entry is asked for.
    """

    name: str
    kind: str
    chunks: Iterator[bytes]


def path_of(name: str) -> str:
    """Return the relative path that an entry's name means, empty for the folder itself.

    What is merely odd in a name is replaced, as in the name of any output. Raises RefusedError for
    a name that could mean another place here or on another system.
    """
    parts = [part for part in name.split("/") if part not in {"", "."}]
    if name.startswith("/") or ".." in parts:
        raise RefusedError(f"its entry {shown(name)} would leave the folder")
    if "\\" in name or _DRIVE.match(name) or _CONTROL.search(name):
        raise RefusedError(f"the name of its entry {shown(name)} is not safe")
    sizes = [len(part.encode("utf-8", "surrogateescape")) for part in parts]
    if max(sizes, default=0) > LONGEST_PART or sum(sizes) + len(parts) > PATH_BYTES:
        raise RefusedError(f"the name of its entry {shown(name)} is too long")
    if len(parts) > DEPTH:
        raise RefusedError(f"its entry {shown(name)} lies more than {DEPTH} folders deep")
    return "/".join(map(safe_part, parts))


class Tree:
    """The names that the entries of one archive take, on any file system."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[str, str]] = {}  # folded path → path, kind

    def add(self, path: str, kind: str) -> None:
        """Take a path, and the folders on the way to it. Raises RefusedError."""
        if not path:
            raise RefusedError("it has an entry without a name")
        folder = path.rpartition("/")[0]
        if folder and self._taken.get(folded(folder)) != (folder, FOLDER):
            self.add(folder, FOLDER)
        there, there_kind = self._taken.setdefault(folded(path), (path, ""))
        if there != path:
            raise RefusedError(f"its entries {shown(there)} and {shown(path)} would meet in one")
        if there_kind not in {"", kind}:
            raise RefusedError(f"its entry {shown(path)} is a {there_kind} and a {kind}")
        if there_kind and kind != FOLDER:
            raise RefusedError(f"its entry {shown(path)} is in it twice")
        self._taken[folded(path)] = path, kind


def shown(name: str) -> str:
    """Return a name for a sentence: quoted, on one line, not too long."""
    return repr(name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…")
