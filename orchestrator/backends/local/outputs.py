"""What a run left: which of its files are outputs, and their bytes."""

import contextlib
import os
import re
import stat
from collections.abc import Collection, Iterator

from orchestrator.backend import Output, RejectedError, Run, Stream, TransientError
from orchestrator.backends.local.folder import CHUNK, local_trouble, opened
from orchestrator.backends.local.staging import inputs
from orchestrator.backends.supervisor.files import WORK
from orchestrator.core.patterns import selecting

LOGS = ("stdout", "stderr")


def list_outputs(runs: int, run: Run, logs: Collection[str] = LOGS) -> list[Output]:
    """List the `logs`, and the files in the run's directory that the spec asks for.

    Without `include` that is every file that was not an input. Only regular files are listed:
    links, pipes and sockets are neither followed nor fetched. Raises RejectedError for a pattern
    that is none, TransientError for the disk.
    """
    with local_trouble("the outputs cannot be listed"), opened(run.key, runs) as folder:
        try:
            chosen = selecting(run.outputs, inputs(folder))
        except ValueError as error:
            raise RejectedError(f"outputs: {error}", effect="none") from None
        sizes = [(name, _size(name, folder)) for name in logs]
        said = [Output(name, size, log=True) for name, size in sizes if size is not None]
        found = []
        with contextlib.suppress(FileNotFoundError), opened(WORK, folder) as work:
            found = sorted(_files(work, ours=not run.live))  # a run may remove its directory

    return said + [Output(printable(path), size) for path, size in found if chosen(path)]


@contextlib.contextmanager
def open_output(
    runs: int, key: str, output: Output, offset: int, logs: Collection[str] = LOGS
) -> Iterator[Stream]:
    """Open a file of the run for reading from an offset on.

    Raises RejectedError when it is not there as a regular file, TransientError for the disk.
    """
    with contextlib.ExitStack() as stack:
        try:
            run = stack.enter_context(opened(key, runs))
            path = output.name if output.log and output.name in logs else _path(output.name, run)
            descriptor = stack.enter_context(opened(path, run, os.O_RDONLY | os.O_NONBLOCK))
        except (OSError, ValueError) as error:
            raise RejectedError(f"the output {output.name!r} cannot be read: {error}") from None
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RejectedError(f"the output {output.name!r} is not a regular file")
        yield Stream(offset, _chunks(descriptor, offset))


def printable(path: str) -> str:
    """Return a path as text: bytes in it that are not UTF-8 are written as %FF."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", path)


def _path(name: str, run: int) -> str:
    """Return the path of the output that is listed under a name."""
    path = f"{WORK}/{name}"
    if ".." in name.split("/"):
        raise ValueError("it lies outside the run's directory")
    if "%" not in name:
        return path
    with contextlib.suppress(FileNotFoundError), opened(path, run, os.O_PATH):
        return path
    with opened(WORK, run) as work:
        meant = (f"{WORK}/{one}" for one, _ in _files(work, ours=False) if printable(one) == name)
        return next(meant, path)


def _chunks(descriptor: int, offset: int) -> Iterator[bytes]:
    try:
        while chunk := os.pread(descriptor, CHUNK, offset):
            offset += len(chunk)
            yield chunk
    except OSError as error:
        raise TransientError(f"an output cannot be read: {error.strerror}", effect="none") from None


def _files(work: int, *, ours: bool) -> Iterator[tuple[str, int]]:
    """Yield path and size of each regular file below a folder; what goes meanwhile is left out.

    What is `ours` is made readable for us; below the folder of a live run nothing is changed, and
    what may not be read is left out.
    """
    gone = (FileNotFoundError, NotADirectoryError, *(() if ours else (PermissionError,)))
    todo = [""]
    while todo:
        prefix = todo.pop()
        with (
            contextlib.suppress(*gone),
            opened(prefix[:-1] or ".", work) as folder,
            os.scandir(folder) as entries,
        ):
            for entry in entries:
                mode, size = _status(entry)
                if stat.S_ISDIR(mode):
                    if ours:
                        _allow(entry.name, mode, stat.S_IRWXU, folder)
                    todo.append(f"{prefix}{entry.name}/")
                elif stat.S_ISREG(mode):
                    if ours:
                        _allow(entry.name, mode, stat.S_IRUSR, folder)
                    yield f"{prefix}{entry.name}", size


def _status(entry: os.DirEntry[str]) -> tuple[int, int]:
    """Return mode and size of what is there; a mode of nothing when it has gone meanwhile."""
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return 0, 0
    return found.st_mode, found.st_size


def _allow(name: str, mode: int, bits: int, folder: int) -> None:
    """Give us the permission a job took away from its owner, who is us."""
    if mode & bits != bits:
        with contextlib.suppress(PermissionError, FileNotFoundError):
            os.chmod(name, stat.S_IMODE(mode) | bits, dir_fd=folder)


def _size(name: str, run: int) -> int | None:
    try:
        return os.stat(name, dir_fd=run, follow_symlinks=False).st_size
    except FileNotFoundError:
        return None
