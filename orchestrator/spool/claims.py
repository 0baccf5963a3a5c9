"""Taking drops over: each leaves the spool by one rename into `state/claimed/<id>/`.

From then on a crash loses nothing: whatever is found in `claimed/` at the next scan is judged
again. When the queue knows the job, the whole `claimed/<id>` becomes `archive/<id>`.
"""

import errno
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass

from orchestrator.config.home import Home
from orchestrator.core.ids import id_from_bits, is_id
from orchestrator.spool.disk import FOLDER, is_full, make_folder, opened
from orchestrator.spool.libc import rename_new
from orchestrator.spool.names import asked_id


@dataclass(frozen=True, slots=True)
class Claimed:
    """A drop that is ours: it lies in `state/claimed/<id>/<name>`; `archived`, in `archive/`."""

    id: str
    name: bytes
    mtime_ns: int
    archived: bool = False

    @property
    def order(self) -> tuple[int, bytes]:
        """Sorts drops as they arrived."""
        return (self.mtime_ns, self.name)


@dataclass(frozen=True, slots=True)
class Stuck:
    """A drop that could not be taken and lies where it was.

    `full`: only for lack of room, so that it is tried again. Otherwise `mark` (device, inode,
    ctime) tells when it is worth another try, and `id` is made of it, so that one unmovable thing
    is reported once, across restarts too.
    """

    id: str
    name: bytes
    why: str
    full: bool
    mark: tuple[int, int, int]


def prepare(home: Home) -> None:
    """Make the folders of the spool and of what leaves it, where they are missing."""
    for folder in (home.spool, home.rejected):
        make_folder(folder)
    for folder in (home.state, home.claimed, home.archive):
        make_folder(folder, 0o700)


def new_id() -> str:
    """Return a fresh random id."""
    return id_from_bits(secrets.randbits(60))


def leftovers(home: Home) -> list[Claimed]:
    """List what was claimed and not finished; remove the empty folders of claims never made."""
    found = []
    for folder in sorted(home.claimed.iterdir()):
        if not is_id(folder.name):
            continue
        entries = list(folder.iterdir())
        if not entries:
            folder.rmdir()
        found += [
            Claimed(folder.name, os.fsencode(entry.name), entry.lstat().st_mtime_ns)
            for entry in entries
        ]
    return found


def archived(home: Home, known: Collection[str]) -> list[Claimed]:
    """List the drops among the accepted ones whose ids are not in `known`."""
    return [
        Claimed(folder.name, os.fsencode(entry.name), entry.lstat().st_mtime_ns, archived=True)
        for folder in sorted(home.archive.iterdir())
        if is_id(folder.name) and folder.name not in known
        for entry in folder.iterdir()
    ]


def taken_ids(home: Home, ids: AbstractSet[str]) -> set[str]:
    """Return those of the ids that were used on disk before."""
    if not ids:
        return set()
    with os.scandir(home.rejected) as entries:  # there may be many, and this is done often
        refused = ids & {entry.name.rpartition("-")[2] for entry in entries}
    archived = {ident for ident in ids if (home.archive / ident).exists()}
    return archived | refused


def claim(
    home: Home, names: Sequence[bytes], taken: Collection[str], fresh: Callable[[], str] = new_id
) -> tuple[list[Claimed], list[Stuck]]:
    """Move drops out of the spool, each under its own id, and sync that.

    A name with an id from our own producer keeps it unless it is in `taken`. What is gone by now
    is passed over. Nothing is moved into a folder whose own name is not on the disk yet: a power
    cut could take that name, and the drop with it.
    """
    claimed: list[Claimed] = []
    stuck: list[Stuck] = []
    with opened(home.spool, FOLDER) as spool_fd, opened(home.claimed, FOLDER) as claimed_fd:
        there: dict[bytes, os.stat_result] = {}
        for name in names:
            with suppress(FileNotFoundError):
                there[name] = os.stat(name, dir_fd=spool_fd, follow_symlinks=False)
        try:
            folders = {name: _own_folder(claimed_fd, name, taken, fresh) for name in there}
            os.fsync(claimed_fd)
        except OSError as error:
            return [], [_stuck(name, status, error) for name, status in there.items()]
        for name, ident in folders.items():
            try:
                _take(spool_fd, claimed_fd, name, ident)
            except FileNotFoundError:
                continue
            except OSError as error:
                stuck.append(_stuck(name, there[name], error))
            else:
                claimed.append(Claimed(ident, name, there[name].st_mtime_ns))
        if claimed:
            os.fsync(spool_fd)
    return claimed, stuck


def _own_folder(
    claimed_fd: int, name: bytes, taken: Collection[str], fresh: Callable[[], str]
) -> str:
    """Make the folder into which a drop will be moved; return its name, the drop's id."""
    ident = asked_id(name)
    if ident is None or ident in taken or not _made(ident, claimed_fd):
        ident = fresh()
        os.mkdir(ident, 0o700, dir_fd=claimed_fd)
    return ident


def _take(spool_fd: int, claimed_fd: int, name: bytes, ident: str) -> None:
    try:
        with opened(ident, FOLDER, claimed_fd) as own_fd:
            rename_new(spool_fd, name, own_fd, name)
            os.fsync(own_fd)
    except OSError:
        with suppress(OSError):  # not empty: the rename was done, and only the sync failed
            os.rmdir(ident, dir_fd=claimed_fd)
        raise


def _made(ident: str, claimed_fd: int) -> bool:
    try:
        os.mkdir(ident, 0o700, dir_fd=claimed_fd)
    except FileExistsError:
        return False
    return True


def _stuck(name: bytes, status: os.stat_result, error: OSError) -> Stuck:
    """Describe what did not move; raise the error itself where the disk is at fault."""
    if error.errno in {errno.EIO, errno.EROFS}:
        raise error
    mark = (status.st_dev, status.st_ino, status.st_ctime_ns)
    digest = hashlib.sha256(repr(mark).encode()).digest()
    ident = id_from_bits(int.from_bytes(digest[:8]))
    return Stuck(ident, name, os.strerror(error.errno or 0), is_full(error), mark)


def archive(home: Home, done: Sequence[Claimed]) -> None:
    """Put drops that the queue knows among the accepted ones, where their input files stay."""
    with opened(home.claimed, FOLDER) as claimed_fd, opened(home.archive, FOLDER) as archive_fd:
        for drop in done:
            rename_new(claimed_fd, drop.id.encode(), archive_fd, drop.id.encode())
        os.fsync(archive_fd)
        os.fsync(claimed_fd)
