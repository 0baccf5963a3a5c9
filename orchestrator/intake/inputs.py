"""Which files a job brings along: named in its spec, or simply lying beside it."""

import os
import stat
from pathlib import Path

from orchestrator.core.intake import Input
from orchestrator.core.spec import JobSpec
from orchestrator.document import ProblemsError, parse
from orchestrator.spool import Content


class _UnfitError(Exception):
    """An input that cannot be used: what was expected, and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected)
        self.expected = expected
        self.found = found


def inputs_of(spec: JobSpec, content: Content, private: Path) -> tuple[Input, ...]:
    """Return a job's inputs; raise ProblemsError with everything that is wrong with them.

    Nothing below `private`, the daemon's own folder, may be an input: opening the queue's database
    there, even to read, would break its locks.
    """
    if spec.inputs is None:
        beside = content.beside or {}
        return tuple(_taken(path, path, status) for path, status in beside.items())
    inputs, faults = [], []
    for name, source in spec.inputs.items():
        try:
            inputs.append(
                _outside(name, source, private)
                if source.startswith("/")
                else _beside(name, source, content)
            )
        except _UnfitError as error:
            faults.append((name, error))
    if faults:
        document = parse(content.text, content.file)
        raise ProblemsError(
            document.problem(("inputs", name), error.expected, error.found)
            for name, error in faults
        )
    return tuple(inputs)


def _taken(name: str, path: str, status: os.stat_result) -> Input:
    return Input(name, path, status.st_size, status.st_mtime_ns, taken=True)


def _beside(name: str, source: str, content: Content) -> Input:
    if content.beside is None:
        raise _UnfitError(
            "an absolute path, because only the job file was dropped (or drop a folder that holds"
            " both, or use `orchestrator submit`)",
            repr(source),
        )
    if source not in content.beside:
        raise _UnfitError("a file in the dropped folder", f"{source!r}, which is not there")
    return _taken(name, source, content.beside[source])


def _outside(name: str, source: str, private: Path) -> Input:
    path = Path(source)
    expected = "a regular file that the daemon can read"
    try:
        real = path.resolve(strict=True)
        status = path.stat()
    except (OSError, RuntimeError) as error:  # RuntimeError: links that lead in a circle
        why = getattr(error, "strerror", None) or "the links lead nowhere"
        raise _UnfitError(expected, f"{source!r} ({why})") from None
    if real.is_relative_to(private.resolve()):
        raise _UnfitError("a file that is not the daemon's own", repr(source))
    if not stat.S_ISREG(status.st_mode):
        raise _UnfitError(expected, f"{source!r}, which is something else")
    if not os.access(path, os.R_OK, effective_ids=True):
        raise _UnfitError(expected, f"{source!r}, which it may not read")
    return Input(name, source, status.st_size, status.st_mtime_ns, taken=False)
