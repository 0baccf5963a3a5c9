"""Re-hash a published run against its manifest."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from orchestrator.core.names import MANIFEST, folders_of
from orchestrator.store.results import disk, manifest
from orchestrator.store.results.errors import StoppedError

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a fifo must not hang us


class Damage(StrEnum):
    """What is wrong with a file of a result."""

    CHANGED = "changed"  # the same length, other bytes; also what is left of two swapped files
    RESIZED = "resized"  # truncated or grown
    MISSING = "missing"
    EXTRA = "extra"  # not in the manifest
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One damage: the path in the run's folder (escape it before printing), and it in words."""

    path: str
    damage: Damage
    text: str


def verify(
    run: Path, *, manifest_sha256: str | None = None, stop: Callable[[], bool] = lambda: False
) -> list[Finding]:
    """Return everything in a run's folder that is not as it was published; nothing if all is well.

    `manifest_sha256` is what the queue knows: without it a changed manifest shows only where it
    contradicts the files. Modes and times are not looked at. Memory does not grow with the size
    of files. Raises StoppedError when `stop` says so between files.
    """
    try:
        data = _read_manifest(run)
    except FileNotFoundError:
        return [Finding(MANIFEST, Damage.MISSING, "there is no manifest to check against")]
    except OSError as error:
        return [Finding(MANIFEST, Damage.UNREADABLE, f"cannot be read: {error.strerror}")]
    findings = []
    if manifest_sha256 not in {None, hashlib.sha256(data).hexdigest()}:
        findings.append(Finding(MANIFEST, Damage.CHANGED, "is not the manifest that was published"))
    try:
        expected = manifest.read(data)
    except ValueError as error:
        return [Finding(MANIFEST, Damage.CHANGED, f"cannot be understood: {error}")]
    return [*findings, *_compare(run, expected, stop)]


def _read_manifest(run: Path) -> bytes:
    with disk.folder(run) as top, os.fdopen(os.open(MANIFEST, _READ, dir_fd=top), "rb") as file:
        return file.read()


def _compare(
    run: Path, expected: dict[str, tuple[int, str]], stop: Callable[[], bool]
) -> Iterator[Finding]:
    folders = folders_of(expected)
    left = dict(expected)
    with disk.folder(run) as top:
        yield from _look_into(top, "", left, folders, stop)
    for path in left:
        yield Finding(path, Damage.MISSING, "is gone")


def _look_into(
    fd: int,
    at: str,
    left: dict[str, tuple[int, str]],
    folders: set[str],
    stop: Callable[[], bool],
) -> Iterator[Finding]:
    """Check everything in one folder; take from `left` what was found."""
    for name in sorted(os.listdir(fd)):
        path = at + name
        if stop():
            raise StoppedError(f"stopped while {path} was to be verified")
        if path in left:
            yield from _check(path, name, fd, *left.pop(path))
        elif path in folders:
            try:
                with disk.folder(name, within=fd) as below:
                    yield from _look_into(below, f"{path}/", left, folders, stop)
            except OSError as error:  # also when it is no folder any more
                yield Finding(path, Damage.UNREADABLE, f"cannot be read: {error.strerror}")
                for lost in [name for name in left if name.startswith(f"{path}/")]:
                    del left[lost]
        elif path != MANIFEST:
            yield Finding(path, Damage.EXTRA, "was not there when the run was published")


def _check(path: str, name: str, folder: int, size: int, sha256: str) -> Iterator[Finding]:
    try:
        with os.fdopen(os.open(name, _READ, dir_fd=folder), "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                yield Finding(path, Damage.CHANGED, "is not a regular file any more")
            elif status.st_size != size:
                text = f"has {status.st_size} bytes instead of {size}"
                yield Finding(path, Damage.RESIZED, text)
            elif hashlib.file_digest(file, "sha256").hexdigest() != sha256:
                yield Finding(path, Damage.CHANGED, "has other bytes than when it was published")
    except OSError as error:
        yield Finding(path, Damage.UNREADABLE, f"cannot be read: {error.strerror}")
