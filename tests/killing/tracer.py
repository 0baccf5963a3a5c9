"""Processes of the real program, stopped before every call by which they change something."""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType

from orchestrator import cli
from orchestrator.cli import checks, results, setup, submit
from tests.killing import ptrace
from tests.killing.points import Point, point_at

IMPORTED = (checks, results, setup, submit)  # click imports a command when it is asked for
LONGEST = 120.0  # seconds for one process to end by itself

Watch = Callable[[Point], int | None]
"""Told of each point; may kill, and returns the error with which the call is to fail, or None."""


class HungError(Exception):
    """A process did not end."""


class Tracer:
    """Starts commands of the program and follows everything they start.

    A command runs in a fork of this process, which has imported the program once and for all: that
    spares each start half a second. What it starts itself is executed as always.
    """

    def __init__(self, home: Path, log: Path) -> None:
        self.home = home
        self.watch: Watch = lambda _: None
        self._log = log
        self._roles: dict[int, str] = {}  # of processes
        self._process: dict[int, int] = {}  # of threads
        self._ended: dict[int, int] = {}

    def run(self, role: str, arguments: Sequence[str], output: Path | None = None) -> int:
        """Run one command to its end; return its exit code, -N when signal N killed it."""
        pid = self.start(role, arguments, output)
        with _no_longer_than(LONGEST):
            while pid not in self._ended:
                self._step()
        return os.waitstatus_to_exitcode(self._ended.pop(pid))

    def start(self, role: str, arguments: Sequence[str], output: Path | None = None) -> int:
        """Start a command of the program under a role; return its process id."""
        hear, say = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(say)
            os.read(hear, 1)
            os.close(hear)
            _become(["--home", str(self.home), *arguments], self._log, output)
        os.close(hear)
        ptrace.request(ptrace.ATTACH, pid, ptrace.OPTIONS)
        self._roles[pid], self._process[pid] = role, pid
        os.close(say)
        return pid

    def kill(self, *roles: str) -> None:
        """Kill the processes of these roles, or all, at once: as they are stopped."""
        for pid, role in list(self._roles.items()):
            if not roles or role in roles:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill whatever is left and wait until it is gone."""
        self.watch = lambda _: None
        with _no_longer_than(LONGEST):
            while self._roles:
                self.kill()
                self._step()

    def _step(self) -> None:
        """Wait for one event and act on it."""
        tid, status = os.waitpid(-1, ptrace.ALL)
        if not os.WIFSTOPPED(status):
            self._gone(tid, status)
            return
        try:
            self._stopped(tid, os.WSTOPSIG(status), status >> 16)
        except (ProcessLookupError, FileNotFoundError):
            return  # it was killed while it was stopped: its end is the next event

    def _stopped(self, tid: int, number: int, event: int) -> None:
        role = self._role(tid)
        if event == ptrace.FILTERED:
            point = point_at(tid, role, ptrace.stopped_at(tid), self.home)
            error = None if point is None else self.watch(point)
            if error is not None:
                ptrace.refuse(tid, error)
        elif event == ptrace.EXECUTED:
            self._executed(tid, role)
        elif event == ptrace.STOPPED and number != signal.SIGTRAP:
            ptrace.request(ptrace.LISTEN, tid)  # it is suspended, and stays so
            return
        ptrace.request(ptrace.CONT, tid, 0 if event else number)

    def _role(self, tid: int) -> str:
        """Return what a process is for: what it was started as, or what its parent starts."""
        if tid not in self._process:
            status = Path(f"/proc/{tid}/status").read_text("ascii", "replace")
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            process = self._process[tid] = int(fields["Tgid"])
            if process not in self._roles:
                parent = self._roles.get(int(fields["PPid"]), "run")
                self._roles[process] = "supervisor" if parent == "daemon" else parent
        return self._roles[self._process[tid]]

    def _executed(self, tid: int, role: str) -> None:
        command = Path(f"/proc/{tid}/cmdline").read_bytes()
        if role == "supervisor" and b"supervisor/__main__.py" not in command:
            self._roles[self._process[tid]] = "run"

    def _gone(self, tid: int, status: int) -> None:
        process = self._process.pop(tid, tid)
        if process == tid and self._roles.pop(tid, None) is not None:
            self._ended[tid] = status


def _become(arguments: Sequence[str], log: Path, output: Path | None) -> None:
    """Be that command, in this forked process; never returns."""
    code = 1
    try:
        os.setsid()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        errors = os.open(log, flags, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(errors if output is None else os.open(output, flags, 0o600), 1)
        os.dup2(errors, 2)
        os.closerange(3, 256)
        ptrace.filter_myself()
        code = cli.run(arguments)
        threading._shutdown()  # type: ignore[attr-defined]  # as at the end of any interpreter
    except BaseException:  # noqa: BLE001 - what an interpreter does with it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


@contextlib.contextmanager
def _no_longer_than(seconds: float) -> Iterator[None]:
    def ring(_number: int, _frame: FrameType | None) -> None:
        raise HungError(f"not ended after {seconds:.0f} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
