"""The process that has imported the program, and forks for each command: see `tests/warm.py`.

It takes orders on the socket that is its stdin: arguments and environment, with the files that are
to be stdout and stderr, and a socket on which to tell the process id and then how it ended.
"""

import gc
import json
import os
import pkgutil
import select
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module

import orchestrator
from orchestrator import cli

LEFT_OUT = ("orchestrator.emulators", "orchestrator.testing", "orchestrator.__main__")
AN_ORDER = 1 << 17  # bytes at most


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
