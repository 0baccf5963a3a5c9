"""The real daemon in a home of its own, and what it uses."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.config.home import Home

PATIENCE = 600.0  # seconds for anything; whatever takes longer has failed
TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parents[2]


def call(home: Home, *words: str) -> str:
    """Run one command of the program to its end; return what it printed."""
    command = [sys.executable, "-m", "orchestrator", "--home", str(home.root), *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    return done.stdout


def new_home(root: Path, *, max_runs: int | None = None) -> Home:
    """Make a home; `max_runs` as the default is, or so many."""
    home = Home(root)
    call(home, "init")
    if max_runs is not None:
        home.config.write_text(f'[backends.local]\nkind = "local"\nmax_runs = {max_runs}\n')
    return home


@contextmanager
def serving(home: Home) -> Iterator[int]:
    """Run the daemon; give its process id as soon as it says that it is ready."""
    address = str(home.root / "ready")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ready:
        ready.bind(address)
        ready.settimeout(PATIENCE)
        daemon = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", "--home", str(home.root), "serve"],
            env={**os.environ, "NOTIFY_SOCKET": address},
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
        )
        try:
            while b"READY=1" not in ready.recv(4096):
                pass
            yield daemon.pid
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(PATIENCE)


def wait_until(happened: Callable[[], bool], *, every: float) -> None:
    """Look every so many seconds until something has happened."""
    deadline = time.monotonic() + PATIENCE
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError("the daemon did not get there")
        time.sleep(every)


def memory(pid: int) -> tuple[float, float]:
    """Return the resident memory of a process in MiB, now and at its highest."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return int(sizes["VmRSS"]) / 1024, int(sizes["VmHWM"]) / 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
