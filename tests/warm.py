"""The program without its start: a process that has imported it forks for each command.

To import the program takes half a second of a processor, which hundreds of tests would spend each
time. A fork of a process that has done so is one like any other: with its own number, environment,
output and exit code. How the program starts is tested with a new interpreter.

This file is that process, too: `python -m tests.warm`, with the socket of its orders as stdin.
"""

import gc
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import orchestrator
from orchestrator import cli

ROOT = Path(__file__).parents[1]
LEFT_OUT = ("orchestrator.emulators", "orchestrator.testing", "orchestrator.__main__")
LONGEST = 60.0  # seconds for a command to end by itself
A_NUMBER, AN_ORDER = 32, 1 << 17  # bytes at most


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
    command = [sys.executable, "-m", "tests.warm"]
    with theirs:
        process = subprocess.Popen(command, stdin=theirs.fileno(), env=plain, cwd=ROOT)
    with process, ours:
        yield Warm(ours)


def _serve(orders: socket.socket) -> list[str] | None:
    """Take orders until there is nobody to give them: None. In a fork, return its arguments."""
    children: dict[int, tuple[int, socket.socket]] = {}  # by what is readable when one has ended
    while True:
        ready, _, _ = select.select([orders.fileno(), *children], [], [])
        for ended in children.keys() & ready:
            pid, tells = children.pop(ended)
            with tells:
                _tell(tells, os.waitpid(pid, 0)[1])
            os.close(ended)
        if orders.fileno() in ready:
            order, files, *_ = socket.recv_fds(orders, AN_ORDER, 3)
            if not order:
                return None
            pid = os.fork()
            if pid == 0:
                arguments, environment = json.loads(order)
                _become(environment, files)
                return list(arguments)
            for file in files[:2]:
                os.close(file)
            tells = socket.socket(fileno=files[2])
            _tell(tells, pid)
            children[os.pidfd_open(pid)] = pid, tells


def _tell(tells: socket.socket, number: int) -> None:
    """Say a number to whoever gave the order, if there still is somebody."""
    with suppress(BrokenPipeError):
        tells.send(str(number).encode())


def _become(environment: Mapping[str, str], files: Sequence[int]) -> None:
    """Give this fork what a new process would have of its own."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(files[0], 1)
    os.dup2(files[1], 2)
    os.closerange(3, 256)
    sys.stdin, sys.stdout = os.fdopen(0), os.fdopen(1, "w")  # these may be of another kind
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace")
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()


def _run(arguments: list[str]) -> None:
    """Run the command that this fork is now; never returns.

    Its memory is not put in order at the end: that would copy what it shares with the others.
    """
    sys.argv[1:] = arguments
    code: int | str | None = 1
    try:
        cli.main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - what an interpreter does with it
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]  # as at the end of any interpreter
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0)


def _import_all() -> None:
    for found in pkgutil.walk_packages(orchestrator.__path__, "orchestrator."):
        if not found.name.startswith(LEFT_OUT) and not found.name.endswith("__main__"):
            import_module(found.name)
    gc.freeze()  # what is here stays: no fork needs to look through it


if __name__ == "__main__":
    _import_all()
    asked = _serve(socket.socket(fileno=os.dup(0)))
    if asked is not None:
        _run(asked)
