"""An archive read twice: once to judge it as a whole, once for its files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from orchestrator.archives import tar, zips
from orchestrator.archives.rules import (
    FILE,
    FOLDER,
    NAME_BYTES,
    Entry,
    Limits,
    Tree,
    path_of,
    shown,
    too_many,
)
from orchestrator.archives.streams import Stream

SAMPLES = 3


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds: how many files, of how many bytes, and what is left out of it.

    `left_out` is how many entries are, `samples` tells of the first of them in words.
    """

    files: int
    size: int
    left_out: int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file of an archive: its safe relative path, its name there, its bytes.

    Read the bytes before the next file is asked for.
    """

    path: str
    name: str
    chunks: Iterator[bytes]


def survey(file: BinaryIO, limits: Limits, go_on: Callable[[], None]) -> Contents:
    """Read an archive to its last byte and say what it holds.

    `go_on` is called for each block that is read: it may raise, to end the reading. Raises
    RefusedError for an archive that is not to be unpacked; errors of the disk are passed on.
    """
    tree, count, names, files, size, left_out = Tree(), 0, 0, 0, 0, 0
    samples: list[str] = []
    for entry in _entries(file, limits, go_on):
        count, names = count + 1, names + len(entry.name)
        if count > limits.entries or names > NAME_BYTES:
            raise too_many(limits)
        path = path_of(entry.name)
        if path or entry.kind != FOLDER:
            tree.add(path, entry.kind)
        if entry.kind == FILE:
            files += 1
            size += sum(map(len, entry.chunks))
        elif entry.kind != FOLDER:
            left_out += 1
            if left_out <= SAMPLES:
                samples.append(f"{shown(entry.name)} ({entry.kind})")
    return Contents(files, size, left_out, tuple(samples))


def files(file: BinaryIO, limits: Limits, go_on: Callable[[], None]) -> Iterator[File]:
    """Yield the files of an archive that `survey` found nothing against."""
    for entry in _entries(file, limits, go_on):
        if entry.kind == FILE:
            yield File(path_of(entry.name), entry.name, entry.chunks)


def _entries(file: BinaryIO, limits: Limits, go_on: Callable[[], None]) -> Iterator[Entry]:
    file.seek(0)
    is_zip = file.read(4) in zips.MAGICS
    file.seek(0)
    if is_zip:
        return zips.entries(file, limits, go_on)
    return tar.entries(Stream(file, limits, go_on))
