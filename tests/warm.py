"""The program without its start: a process that has imported it forks for each command.

To import the program takes half a second of a processor, which hundreds of tests would spend each
time. A fork of a process that has done so is one like any other: with its own number, environment,
output and exit code. How the program starts is tested with a new interpreter.

This is the way to that process, which is `tests/forking.py`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
LONGEST = 60.0  # seconds for a command to end by itself
A_NUMBER = 32  # bytes at most


class Child:
    """A command under way, in the words of `subprocess.Popen`."""

    def __init__(self, arguments: Sequence[str], told: socket.socket) -> None:
        self.args, self._told = arguments, told
        self.pid = int(told.recv(A_NUMBER))
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, -N after signal N. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._told.settimeout(timeout)
            try:
                self.returncode = os.waitstatus_to_exitcode(int(self._told.recv(A_NUMBER)))
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from None
            self._told.close()
        return self.returncode

    def kill(self) -> None:
        """Kill it, unless it is known to have ended."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


class Warm:
    """The way to the process that forks."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], out: int, err: int
    ) -> Child:
        """Start a command whose output goes to two open files."""
        told, tells = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        order = json.dumps([list(arguments), dict(environment)]).encode()
        with tells:
            socket.send_fds(self._orders, [order], [out, err, tells.fileno()])
        return Child(arguments, told)

    def run(
        self, arguments: Sequence[str], environment: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = self.start(arguments, environment, out.fileno(), err.fileno())
            try:
                code = child.wait(LONGEST)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                raise
            said = [os.pread(it.fileno(), os.fstat(it.fileno()).st_size, 0) for it in (out, err)]
        return subprocess.CompletedProcess(arguments, code, *(text.decode() for text in said))


@contextmanager
def warmed() -> Iterator[Warm]:
    """Keep the process that forks until the context is left; what it started goes on."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    plain = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.forking"]
    with theirs:
        process = subprocess.Popen(command, stdin=theirs.fileno(), env=plain, cwd=ROOT)
    with process, ours:
        yield Warm(ours)
