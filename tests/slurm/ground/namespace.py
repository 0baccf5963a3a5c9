"""A process namespace: nothing that is started in it outlives it, whoever is killed.

Slurm's jobs leave their daemon on purpose, so that it can be restarted; ended they must be all the
same. The kernel ends every process of a namespace with its first one, which here is a shell that
waits for the end of a pipe: of which the other end is ours. It takes in every orphan, too. In it
the machine is called `localhost`, so that daemons which listen at their own name listen there only.
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.slurm.ground.waiting import PATIENCE, until


class Daemon:
    """One process in the namespace, seen from outside."""

    def __init__(self, entered: "subprocess.Popen[bytes]", pid: int | None) -> None:
        self._entered = entered  # it waits for the one inside, and ends as that one did
        self._pid = pid  # as this machine numbers it, not the namespace

    def ended(self) -> int | None:
        """Return its exit code, negative for a signal; None while it runs."""
        return self._entered.poll()

    def end(self, sent: signal.Signals) -> None:
        """Send a signal that ends it, and wait until it has ended."""
        if self._pid is not None and self.ended() is None:
            os.kill(self._pid, sent)
            self._entered.wait(PATIENCE)


class Namespace:
    """Lasts for a `with`, or until this process ends, whichever way."""

    def __init__(self) -> None:
        self._keeper = subprocess.Popen(
            [
                *("unshare", "--pid", "--mount-proc", "--propagation", "slave", "--uts"),
                *("--fork", "--kill-child", "bash", "-c", "hostname localhost && echo && read"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._entered: list[subprocess.Popen[bytes]] = []
        self._beside: list[subprocess.Popen[bytes]] = []
        assert self._keeper.stdin is not None
        assert self._keeper.stdout is not None
        self._line = self._keeper.stdin
        with self._keeper.stdout as told:
            ready = told.readline()
        first = _child(self._keeper)
        if not ready or first is None:
            self._line.close()
            self._keeper.wait(PATIENCE)
            raise OSError("this machine does not let us make a process namespace")
        self._first = first

    def start(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> Daemon:
        """Start a program in the foreground; what it prints goes to the end of the log."""
        enter = ["nsenter", "--target", str(self._first), "--pid", "--mount", "--uts", "--"]
        entered = _spawn([*enter, *command], env, log)
        self._entered.append(entered)
        return Daemon(entered, _child(entered))

    def start_beside(self, command: Sequence[str], env: Mapping[str, str], log: Path) -> Daemon:
        """Start a program that has no children, outside: it ends with the thread that starts it.

        For one that must see who speaks to it: from inside, processes outside have no number.
        """
        process = _spawn(["setpriv", "--pdeathsig", "KILL", *command], env, log)
        self._beside.append(process)
        return Daemon(process, process.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End every process, and wait until none is left."""
        self._line.close()
        for process in self._beside:
            process.kill()
        for process in (self._keeper, *self._entered, *self._beside):
            process.wait(PATIENCE)


def _spawn(command: Sequence[str], env: Mapping[str, str], log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=dict(env),
            start_new_session=True,
        )


def _child(parent: "subprocess.Popen[bytes]") -> int | None:
    """Return the one child of a process that is about to fork; None when it has ended already."""
    children = Path(f"/proc/{parent.pid}/task/{parent.pid}/children")
    found = until(lambda: parent.poll() is not None or children.read_text().split(), "a child")
    return int(found[0]) if isinstance(found, list) else None
