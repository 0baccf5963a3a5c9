"""What the batch script left in a run's folder: that it started, and how it ended."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.backends.local.folder import opened
from orchestrator.backends.slurm.script import AGAIN, EXIT, MARK, STARTED
from orchestrator.backends.supervisor.files import FOLDER, read_json

SLURMS_LOG = "slurm.log"
ERROR = ": error: "  # behind the name of the daemon
LAST = 2000  # bytes of what it told
GIVEN_UP = "given up"  # instead of a job's start: nothing can start any more


@dataclass(frozen=True, slots=True)
class Status:
    """How a script ended: its exit code, and the signal that it caught, if any."""

    code: int
    caught: str = ""


@dataclass(frozen=True, slots=True)
class Marks:
    """By task of an array; a job has the one task "".

    `started` has the number of the job that runs it, 0 where its start was given up; `again` are
    those that Slurm started once more, for nothing. `said` is what the node's Slurm wrote beside.
    """

    started: Mapping[str, int] = field(default_factory=dict)
    ended: Mapping[str, Status] = field(default_factory=dict)
    again: frozenset[str] = frozenset()
    said: str = ""

    @property
    def job(self) -> int | None:
        """The number of the job that has begun the run; None before that."""
        return next((job for job in self.started.values() if job), None)


def read(runs: int, key: str) -> Marks:
    """Read a run's marks; none where there is no folder. Raises OSError for the disk."""
    started: dict[str, int] = {}
    ended: dict[str, Status] = {}
    again: set[str] = set()
    try:
        with opened(key, runs) as run:
            for name in os.listdir(run):  # noqa: PTH208 - an open folder
                word, _, task = name.partition(".")
                if word == STARTED:
                    started[task] = _job(run, name)
                elif word == EXIT and (status := _status(run, name)) is not None:
                    ended[task] = status
                elif word == AGAIN:
                    again.add(task)
            said = "" if ended.keys() >= started.keys() else _said(run)
    except FileNotFoundError:
        return Marks()
    return Marks(started, ended, frozenset(again), said)


def give_up(runs: int, key: str, tasks: Sequence[str]) -> bool:
    """Take the place of each start, so that none can come later; whether none had come.

    Raises OSError for the disk.
    """
    with opened(key, runs) as run:
        for task in tasks:
            name = f"{STARTED}.{task}" if task else STARTED
            new = f".{name}.{os.urandom(4).hex()}"
            os.mkdir(new, 0o700, dir_fd=run)
            with opened(new, run) as folder:
                flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
                with open(os.open(MARK, flags, 0o600, dir_fd=folder), "w") as file:  # noqa: PTH123 - an open folder
                    file.write(f'{{"job": 0, "start": "{GIVEN_UP}"}}\n')
            with contextlib.suppress(OSError):
                os.rename(new, name, src_dir_fd=run, dst_dir_fd=run)
        return all(_job(run, f"{STARTED}.{it}" if it else STARTED) == 0 for it in tasks)


def _said(run: int) -> str:
    """Return the errors that the node's Slurm told last, without what comes before each."""
    try:
        with opened(SLURMS_LOG, run, os.O_RDONLY) as log:
            size = os.fstat(log).st_size
            tail = os.pread(log, LAST, max(0, size - LAST)).decode(errors="replace")
    except FileNotFoundError:
        return ""
    told = (line.partition(ERROR)[2].strip("* ") for line in tail.splitlines())
    return "; ".join(dict.fromkeys(filter(None, told)))


def _job(run: int, name: str) -> int:
    with opened(name, run, FOLDER) as folder:
        try:
            return _number(read_json(MARK, folder), "job")
        except ValueError:  # a file server that crashed may leave it empty
            raise OSError(f"the mark {name}/{MARK} of its start is damaged") from None


def _status(run: int, name: str) -> Status | None:
    try:
        found = read_json(name, run)
    except ValueError:
        return None
    if found is None:
        return None
    return Status(_number(found, "code"), str(found.get("caught") or ""))


def _number(found: Mapping[str, object] | None, key: str) -> int:
    value = (found or {}).get(key)
    if not isinstance(value, int):
        raise OSError(f"a mark of the run has no {key!r}")
    return value
