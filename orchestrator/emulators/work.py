"""The work behind a stand-in service: real local processes that outlive the emulator."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

# `claimed` makes starting safe to repeat; `pid` and `status` appear whole, by rename. The wrapper
# leads a session, and its working directory is the folder: that is how it is known again.
WRAPPER = """
mkdir claimed 2>/dev/null || exit 0
echo $$ > pid.new && mv pid.new pid
(cd files && exec "$@") > stdout 2> stderr < /dev/null
echo $? > status.new && mv status.new status
"""
SLOWEST_START = 2.0  # seconds from `claimed` to `pid`


class Work:
    """One folder for each run: `files` is where its program works."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    def files(self, run: str) -> Path:
        """Return the folder in which a run's program works; it is made if it is not there."""
        path = self._folder / run / "files"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def start(self, run: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a run's program, unless that was done before."""
        self.files(run)
        self._children[run] = subprocess.Popen(
            ["/bin/sh", "-c", WRAPPER, "run", *command],
            cwd=self._folder / run,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ended(self, run: str) -> int | None:
        """Return the exit code of a run, -9 if it died without one; None while it works."""
        child = self._children.get(run)
        alive = child is not None and child.poll() is None
        alive = alive or self._is_starting(run) or self._leader(run) is not None
        try:  # read after we looked: who is dead now has written it before
            return int((self._folder / run / "status").read_text())
        except FileNotFoundError:
            return None if alive else -signal.SIGKILL

    def said(self, run: str, stream: str) -> str:
        """Return the last 2000 bytes of a run's "stdout" or "stderr"."""
        path = self._folder / run / stream
        return path.read_bytes()[-2000:].decode(errors="replace") if path.exists() else ""

    def kill(self, run: str) -> None:
        """Kill every process of a run; return when none is left."""
        leader = self._leader(run)
        child = self._children.get(run)
        if leader is None and child is not None and child.poll() is None:
            leader = child.pid
        if leader is None:
            return
        while processes := _session(leader):  # a job may have process groups of its own
            for process in processes:
                _signal(process)
            time.sleep(0.001)
        if child is not None:
            child.wait()

    def live(self) -> list[str]:
        """Return the runs that have processes."""
        return sorted(it.name for it in self._folder.iterdir() if self._leader(it.name) is not None)

    def kill_all(self) -> None:
        """Kill the processes of every run."""
        for folder in self._folder.iterdir():
            self.kill(folder.name)

    def _is_starting(self, run: str) -> bool:
        """Whether a wrapper, perhaps of an emulator that was killed, has yet to write its pid."""
        folder = self._folder / run
        try:
            age = time.time() - (folder / "claimed").stat().st_mtime
        except FileNotFoundError:
            return False
        return not (folder / "pid").exists() and age < SLOWEST_START

    def _leader(self, run: str) -> int | None:
        """Return the process that leads a run's session, or led it while others of it live."""
        folder = self._folder / run
        try:
            leader = int((folder / "pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        here = folder.resolve()
        return leader if any(_works_in(it, here) for it in _session(leader)) else None


def _session(leader: int) -> list[int]:
    """Return the processes of a session that are not zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # gone
            continue
        if fields[3] == str(leader) and fields[0] not in "ZX":
            found.append(int(entry.name))
    return found


def _works_in(process: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{process}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False


def _signal(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return
