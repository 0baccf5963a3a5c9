"""The folders of runs on the disk: made, filled, and removed."""

import contextlib
import os
from collections.abc import Iterator

from orchestrator.backend import RejectedError, TransientError
from orchestrator.backends.supervisor import files
from orchestrator.backends.supervisor.files import FOLDER, WORK

SCRIPT = "script"
CHUNK = 1 << 20  # bytes

WRITE = os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def local_trouble(what: str) -> Iterator[None]:
    """Turn trouble with this machine's disk into an error of the seam: nothing was started."""
    try:
        yield
    except OSError as error:
        raise TransientError(f"{what}: {error.strerror or error}", effect="none") from None


@contextlib.contextmanager
def opened(path: str, folder: int, flags: int = FOLDER) -> Iterator[int]:
    """Open a path relative to a folder; no name on the way may be a symbolic link."""
    *above, name = path.split("/")
    descriptor = os.dup(folder)
    try:
        for part in above:
            descriptor = _exchanged(descriptor, os.open(part, FOLDER, dir_fd=descriptor))
        last = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=descriptor)
        descriptor = _exchanged(descriptor, last)
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def made(path: str, folder: int) -> Iterator[int]:
    """Open a folder like `opened`, making what is missing of it, and bring that to the disk."""
    descriptor = os.dup(folder)
    try:
        for part in path.split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=descriptor)
                os.fsync(descriptor)
            descriptor = _exchanged(descriptor, os.open(part, FOLDER, dir_fd=descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _exchanged(old: int, new: int) -> int:
    os.close(old)
    return new


def prepare(runs: int, key: str, cwd: str, script: str | None) -> None:
    """Make the run's directory, the folder in it to run in, and the script, ready to be started.

    Raises RejectedError when an input stands in the way of `cwd`, TransientError for the disk.
    """
    with local_trouble("the run's directory cannot be made"), made(f"{key}/{WORK}", runs) as work:
        if cwd != ".":
            try:
                with made(cwd, work):
                    pass
            except NotADirectoryError:
                raise RejectedError(
                    f"run.cwd: {cwd!r} is not a folder: an input has that name", effect="none"
                ) from None
        if script is None:
            return
        with opened(key, runs) as folder:
            # By rename: should it run already, the shell goes on reading the file it has open.
            temporary = f".{SCRIPT}.tmp"
            descriptor = os.open(temporary, WRITE | os.O_WRONLY, 0o700, dir_fd=folder)
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(script)
            os.rename(temporary, SCRIPT, src_dir_fd=folder, dst_dir_fd=folder)


def was_started(runs: int, key: str) -> bool:
    """Whether a run was ever started; raise OSError when its folder cannot be read."""
    try:
        with opened(key, runs) as run:
            return files.exists(files.STARTED, run) or files.exists(files.EXIT, run)
    except FileNotFoundError:
        return False
