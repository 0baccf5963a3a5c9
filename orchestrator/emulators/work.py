"""The work behind a stand-in service: real local processes that outlive the emulator."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

# In the environment of all processes of a run, and so found again, wherever they went from there.
MARK = "ORCHESTRATOR_EMULATED_RUN"
# `claimed` makes starting safe to repeat; `pid` and `status` appear whole, by rename.
WRAPPER = """
mkdir claimed 2>/dev/null || exit 0
echo $$ > pid.new && mv pid.new pid
(cd files && exec "$@") > stdout 2> stderr < /dev/null
echo $? > status.new && mv status.new status
"""
SLOWEST_START = 10.0  # seconds from `claimed` to `pid`


class Work:
    """One folder for each run: `files` is where its program works."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._mark = f"{MARK}={folder.resolve()}/".encode()
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
            env=dict(environment) | {MARK: str((self._folder / run).resolve())},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def ended(self, run: str) -> int | None:
        """Return the exit code of a run, -9 if it died without one; None while it works."""
        code = self._code(run)
        if code is not None or self._is_starting(run) or self._wrapper_lives(run):
            return code
        code = self._code(run)  # read after we looked: who is dead now has written it before
        return -signal.SIGKILL if code is None else code

    def said(self, run: str, stream: str, most: int = 2000) -> str:
        """Return the last bytes, not more than so many, of a run's "stdout" or "stderr"."""
        path = self._folder / run / stream
        return path.read_bytes()[-most:].decode(errors="replace") if path.exists() else ""

    def clear(self, run: str) -> None:
        """Forget a run that has no processes, so that it can be started anew."""
        shutil.rmtree(self._folder / run, ignore_errors=True)

    def kill(self, run: str) -> None:
        """Kill every process of a run; return when none is left."""
        child = self._children.pop(run, None)
        if child is not None:
            child.kill()  # just started, it may not show its environment yet
        while processes := self._processes().get(run):
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.001)
        if child is not None:
            child.wait()

    def live(self) -> list[str]:
        """Return the runs that have processes."""
        return sorted(self._processes())

    def kill_all(self) -> None:
        """Kill the processes of every run."""
        at_work = [run for run, child in self._children.items() if child.poll() is None]
        for run in {*self.live(), *at_work}:
            self.kill(run)

    def _code(self, run: str) -> int | None:
        try:
            return int((self._folder / run / "status").read_text())
        except FileNotFoundError:
            return None

    def _is_starting(self, run: str) -> bool:
        """Whether a wrapper, perhaps of an emulator that was killed, has yet to write its pid."""
        folder = self._folder / run
        try:
            age = time.time() - (folder / "claimed").stat().st_mtime
        except FileNotFoundError:
            return False
        return not (folder / "pid").exists() and age < SLOWEST_START

    def _wrapper_lives(self, run: str) -> bool:
        child = self._children.get(run)
        if child is not None and child.poll() is None:
            return True
        if self._is_starting(run):  # looked at after ours, which may have found it claimed
            return True
        try:
            wrapper = int((self._folder / run / "pid").read_text())
        except FileNotFoundError:
            return False
        return wrapper in self._processes().get(run, [])

    def _processes(self) -> dict[str, list[int]]:
        """Return all processes of ours by their runs. Every look of a test comes to this."""
        found: dict[str, list[int]] = {}
        for process in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - hot
            try:
                with open(f"/proc/{process}/environ", "rb", buffering=0) as file:  # noqa: PTH123 - hot
                    environment = file.read()
            except OSError:  # gone, or another user's
                continue
            if self._mark not in environment:
                continue
            for variable in environment.split(b"\0"):
                if variable.startswith(self._mark):
                    run = variable.removeprefix(self._mark).decode()
                    found.setdefault(run, []).append(int(process))
        return found
