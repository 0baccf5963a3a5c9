"""A file of a run that goes on, copied into a person's folder: whole under its name, or not at all.

This is no part of the result store: nothing is gone on with, and nothing is vouched for.
"""

import errno
import os
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace

from orchestrator.config.room import amount, room_at
from orchestrator.core.faults import DiskFullError
from orchestrator.store.results import disk
from orchestrator.store.results.errors import MismatchError, ResultError
from orchestrator.store.results.fetching import LOOK_EVERY, Announced, OpenAt
from orchestrator.store.results.hashing import Hashes, hashing

GROWTH = 64 << 20  # bytes by which a file may grow while it is copied, or to twice its size
PART = ".part-"
"""How the name of a file begins that has not come whole: a killed process leaves it behind."""

Check = Callable[[], None]


def copy(  # noqa: PLR0917 - a file's name, where its bytes are, and what is known of it
    folder: int, name: str, open_at: OpenAt, announced: Announced, check: Check, keep_free: int
) -> int:
    """Write a file to its local name below an open folder; return its bytes.

    What no hash vouches for may have grown or shrunk since it was listed: it is copied to its end.
    `check` is called between chunks, and raises what breaks the copy off. `keep_free` bytes, or a
    fourth of a small disk, stay free.

    Raises MismatchError when it is not what a hash vouches for, or grows without an end in sight;
    DiskFullError; ResultError when it cannot be written; FatalStorageError when the disk fails;
    and what reading raises. Nothing of the file is left then.
    """
    part = PART + secrets.token_hex(8)
    with disk.our_disk(name):
        fd = os.open(part, disk.NEW_FILE, 0o600, dir_fd=folder)
    try:
        size = _fill(fd, name, open_at, announced, check, keep_free)
        with disk.our_disk(name):
            _give_name(folder, part, name)
    except BaseException:
        with suppress(OSError):
            disk.remove(part, within=folder)
        raise
    finally:
        os.close(fd)
    return size


def _fill(  # noqa: PLR0917 - the arguments of copy
    fd: int, name: str, open_at: OpenAt, announced: Announced, check: Check, keep_free: int
) -> int:
    with open_at(0) as (start, chunks, md5), ExitStack() as stack:
        announced = replace(announced, md5=announced.md5 or md5)
        hashes = stack.enter_context(hashing(md5=announced.md5 is not None))
        if start != 0:
            raise MismatchError("reading it did not begin at its beginning")
        size = looked = 0
        for chunk in _bounded(chunks, announced):
            check()
            if size >= looked:
                looked = size + LOOK_EVERY
                _check_room(fd, max(len(chunk), (announced.size or 0) - size), keep_free)
            hashes.update(chunk)
            with disk.our_disk(name):
                disk.write_all(fd, chunk)
            size += len(chunk)
        _check_vouched(hashes, announced)
    return size


def _bounded(chunks: Iterable[bytes], announced: Announced) -> Iterator[bytes]:
    """Pass the chunks on until there are more than could have been written meanwhile."""
    size, most = 0, _most(announced)
    for chunk in chunks:
        size += len(chunk)
        if most is not None and size > most:
            raise MismatchError("it grows faster than it can be copied")
        yield chunk


def _most(announced: Announced) -> int | None:
    if announced.size is None:
        return None
    return max(2 * announced.size, announced.size + GROWTH)


def _check_vouched(hashes: Hashes, announced: Announced) -> None:
    sha256, md5 = hashes.hexdigests()
    for found, wanted in ((sha256, announced.sha256), (md5, announced.md5)):
        if wanted is not None and found != wanted.lower():
            raise MismatchError("it changed while it was copied, or was damaged on its way")


def _check_room(fd: int, needed: int, keep_free: int) -> None:
    room = room_at(fd, keep_free)
    if room.free - needed < room.kept:
        raise DiskFullError(
            f"no room on that disk: {amount(room.free)} are free, of which {amount(room.kept)} are"
            " to stay free"
        )


def _give_name(folder: int, part: str, name: str) -> None:
    """Move a whole file to its name; nothing that stands there is replaced."""
    parent, _, last = name.rpartition("/")
    with disk.subfolder(folder, parent, make=True) as within:
        try:
            disk.move(part, within=folder, to=last, into=within)
        except FileExistsError:
            raise _taken(name) from None
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            _give_name_plainly(folder, part, within, last, name)


def _give_name_plainly(folder: int, part: str, within: int, last: str, name: str) -> None:
    """Do the same where the file system, such as NFS, cannot rename without replacing."""
    try:
        os.stat(last, dir_fd=within, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(part, last, src_dir_fd=folder, dst_dir_fd=within)
    else:
        raise _taken(name)


def _taken(name: str) -> ResultError:
    return ResultError(f"{name}: something of that name has come into the folder meanwhile")
