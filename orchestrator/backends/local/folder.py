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
def made(path: str, folder: int, *, synced: bool) -> Iterator[int]:
    """Open a folder like `opened`, making what is missing; synced, that survives a power cut."""
    descriptor = os.dup(folder)
    try:
        for part in path.split("/"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o700, dir_fd=descriptor)
                if synced:
                    os.fsync(descriptor)
            descriptor = _exchanged(descriptor, os.open(part, FOLDER, dir_fd=descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _exchanged(old: int, new: int) -> int:
    os.close(old)
    return new


def prepare(runs: int, key: str, cwd: str, script: str | None) -> None:
    """Make the folder to run in, and the script, so that the run can be started.

    Raises RejectedError when an input stands in the way of `cwd`, TransientError for the disk.
    """
    with (
        local_trouble("the run's directory cannot be made"),
        # The run's own folder must not vanish, or with it the proof that the run was started.
        made(key, runs, synced=True) as run,
        made(WORK, run, synced=False) as work,
    ):
        try:
            with made(cwd, work, synced=False):
                pass
        except NotADirectoryError:
            raise RejectedError(
                f"run.cwd: {cwd!r} is not a folder: an input has that name", effect="none"
            ) from None
        if script is not None:
            # By rename: should it run already, the shell goes on reading the file it has open.
            temporary = f".{SCRIPT}-{os.urandom(4).hex()}"
            descriptor = os.open(temporary, WRITE | os.O_WRONLY, 0o700, dir_fd=run)
            with open(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(script)
            os.rename(temporary, SCRIPT, src_dir_fd=run, dst_dir_fd=run)


def was_started(runs: int, key: str) -> bool:
    """Whether a run was ever started; raise OSError when its folder cannot be read."""
    try:
        with opened(key, runs) as run:
            return files.exists(files.STARTED, run) or files.exists(files.EXIT, run)
    except FileNotFoundError:
        return False
