"""What a run's files say about how it stands."""

import fcntl
import os
import signal
from collections.abc import Mapping
from typing import Literal

from orchestrator.backend import Alive, Answer, Finished, Lost
from orchestrator.backends.local.folder import opened
from orchestrator.backends.supervisor import files, processes
from orchestrator.backends.supervisor.starting import mark_of_orphan


def recorded(run: int) -> Answer | None:
    """Return the end that was written down for a run, None without one; OSError for the disk."""
    try:
        end = files.read_json(files.EXIT, run)
    except ValueError:
        return Lost("it ended, but the file that says how is damaged")
    return None if end is None else finished(end)


def finished(end: Mapping[str, object]) -> Finished:
    """Put an end into words."""
    code = end["code"] if isinstance(end["code"], int) else None
    match end["stopped"]:
        case "time_limit":
            return _failed("stopped at its time limit", code, "time_limit")
        case "cancel":
            return _failed("stopped, as asked for", code, "cancel")
    if reason := end["reason"]:
        return _failed(str(reason), code)
    if (number := end["signal"]) is not None:
        return _failed(f"killed by {_signal_name(number)} {_usage(end)}", code)
    if lost := end["unsynced"]:
        return _failed(f"its outputs could not be brought to the disk: {lost}", code)
    return Finished(ok=code == 0, reason=f"exit code {code} {_usage(end)}", exit_code=code)


def _failed(
    reason: str, code: int | None, stopped: Literal["cancel", "time_limit"] | None = None
) -> Finished:
    return Finished(ok=False, reason=reason, exit_code=code, stopped=stopped)


def orphaned(key: str, run: int) -> Answer:
    """Say how a run stands that no supervisor keeps and that has no end on record."""
    if found := processes.family(mark_of_orphan(key, run)):
        return Alive(
            f"running, process {found[0].pid}; its supervisor died, so that its exit status will"
            " be lost"
        )
    if _is_locked(run):
        return Alive(
            "running, as another user; its supervisor died, so that its exit status will be lost"
        )
    if not files.exists(files.STARTED, run):
        return Lost("no process of it is there, and its folder has no trace of a start")
    if _started(run).get("boot") != files.boot_id():
        return Lost("the machine was restarted while it ran")
    return Lost("it ended, but its supervisor was killed before, so that nobody knows how")


def vanished(key: str) -> Answer:
    """Say how a run stands that no supervisor keeps and whose folder somebody removed."""
    if found := processes.family(processes.Mark(key, None, None)):
        return Alive(f"running, process {found[0].pid}; its folder was removed")
    return Lost("its folder was removed, so that nobody knows how it ended")


def overdue(run: int, now: float) -> bool:
    """Whether a run of this boot has passed its time limit; `now` is monotonic, in seconds."""
    started = _started(run)
    until = started.get("until")
    return isinstance(until, float) and started.get("boot") == files.boot_id() and now > until


def _started(run: int) -> dict[str, object]:
    try:
        return files.read_json(files.STARTED, run) or {}
    except ValueError:
        return {}


def _is_locked(run: int) -> bool:
    """Whether some process holds the run's lock, even one of which nothing else can be seen."""
    try:
        with opened(files.LOCK, run, os.O_RDONLY) as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _signal_name(number: object) -> str:
    try:
        return signal.Signals(int(str(number))).name
    except ValueError:
        return f"signal {number}"


def _usage(end: Mapping[str, object]) -> str:
    wall, cpu = end["wall_seconds"], end["cpu_seconds"]
    text = f"after {wall:.1f} s, with {cpu:.1f} s of CPU time"
    if left := end["left_behind"]:
        text += f"; {left} of its processes were left over and killed"
    if end.get("memory_kills"):  # not of these processes for certain: the kernel only counts them
        used = int(str(end["max_rss_bytes"])) >> 20
        text += (
            "; the kernel killed for want of memory meanwhile, and this run's largest process had"
            f" {used} MiB"
        )
    return text
