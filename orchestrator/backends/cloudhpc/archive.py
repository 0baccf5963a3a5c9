"""All inputs of a run as one archive: the same bytes for the same inputs, whoever packs them when.

It is packed to a file before anything is sent, for the service wants to know its length, and kept
until the run is forgotten. It may be lost at any time: it is packed again then.
"""

import gzip
import hashlib
import json
import os
import tarfile
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from orchestrator.backend import TransientError

PART = ".part"
LEVEL = 6  # of 9: the best ratio for its time
BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Archive:
    """A packed archive, its size (bytes) and hashes; size and SHA-256 of each file by its name."""

    path: Path
    size: int
    sha256: str
    md5: str
    files: Mapping[str, tuple[int, str]]


def packed(
    path: Path,
    names: Collection[str],
    locate: Callable[[str], Path],
    stop: Callable[[], bool] = lambda: False,
) -> Archive:
    """Return the archive that lies there, or pack these inputs into it. For a worker thread.

    Raises OSError for an input that cannot be read, TransientError when one changes meanwhile, when
    there is no space, and when `stop` says so.
    """
    kept = _kept(path)
    if kept is not None and kept.files.keys() == set(names):
        return kept
    remove(path)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    # Under a name of its own: a thread that was given up may still be packing.
    part = path.with_name(f"{path.name}.{token_hex(4)}{PART}")
    try:
        files = _pack(part, names, locate, stop)
        sha256, md5 = _hashes(part)
        if stop():  # what would be left now, nobody would remove
            raise _given_up()
        part.rename(path)
        archive = Archive(path, path.stat().st_size, sha256, md5, files)
        papers = {"size": archive.size, "sha256": sha256, "files": files}
        _papers(path).write_text(json.dumps(papers), "utf-8")
    except OSError as error:
        if error.errno in {ENOSPC, EDQUOT}:
            raise TransientError("no space to pack the inputs", effect="none") from None
        raise
    finally:
        part.unlink(missing_ok=True)
    return archive


def remove(path: Path) -> None:
    """Remove an archive, if there is one."""
    for file in (_papers(path), path):  # papers first: they vouch for it
        with suppress(FileNotFoundError):
            file.unlink()


def tidy(folder: Path) -> None:
    """Remove what processes that were killed have left half packed."""
    for part in folder.glob(f"*{PART}"):
        part.unlink(missing_ok=True)


def _kept(path: Path) -> Archive | None:
    """Return the archive that lies there, None unless it is just as it was packed."""
    try:
        papers = json.loads(_papers(path).read_text("utf-8"))
        files = {name: (int(size), str(sha256)) for name, (size, sha256) in papers["files"].items()}
        sha256, md5 = _hashes(path)
        if sha256 != papers["sha256"]:
            return None
        return Archive(path, int(papers["size"]), sha256, md5, files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _hashes(path: Path) -> tuple[str, str]:
    """Return SHA-256 and MD5 of a file, in hex."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    with path.open("rb", buffering=0) as file:
        while block := file.read(BLOCK):
            sha256.update(block)
            md5.update(block)
    return sha256.hexdigest(), md5.hexdigest()


def _papers(path: Path) -> Path:
    return path.with_name(f"{path.name}.json")


def _pack(
    path: Path, names: Collection[str], locate: Callable[[str], Path], stop: Callable[[], bool]
) -> dict[str, tuple[int, str]]:
    """Write the archive: files in order of their names, with no owner and no time."""
    files = {}
    with (
        path.open("xb") as out,
        gzip.GzipFile("", "wb", LEVEL, out, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(names):
            with locate(name).open("rb", buffering=0) as source:
                files[name] = _add(tar, name, source, stop)
    return files


def _add(
    tar: tarfile.TarFile, name: str, source: BinaryIO, stop: Callable[[], bool]
) -> tuple[int, str]:
    before = os.fstat(source.fileno())
    entry = tarfile.TarInfo(name)
    entry.size = before.st_size
    entry.mode = 0o755 if before.st_mode & 0o100 else 0o644
    reader = _Reader(source, stop)
    try:
        tar.addfile(entry, reader)
    except OSError as error:
        if error.errno is not None:
            raise
        raise _changed(name) from None  # tarfile's way to say that the file is too short
    after = os.fstat(source.fileno())
    if source.read(1) or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise _changed(name)
    return entry.size, reader.digest.hexdigest()


def _changed(name: str) -> TransientError:
    return TransientError(
        f"{name!r} changed while it was packed; it is packed again", effect="none"
    )


def _given_up() -> TransientError:
    return TransientError("the packing was given up", effect="none")


class _Reader:
    """Reads a file for the archive, and hashes what it gives."""

    def __init__(self, file: BinaryIO, stop: Callable[[], bool]) -> None:
        self._file, self._stop = file, stop
        self.digest = hashlib.sha256()

    def read(self, size: int = BLOCK, /) -> bytes:
        """Return up to so many bytes, fewer only at the end."""
        if self._stop():
            raise _given_up()
        pieces, got = [], 0
        while got < size and (piece := self._file.read(min(size - got, BLOCK))):
            self.digest.update(piece)
            pieces.append(piece)
            got += len(piece)
        return b"".join(pieces)
