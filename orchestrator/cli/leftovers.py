"""Leaving nothing of a throw-away home: its supervisor and jobs, and then its files."""

import os
import shutil
import signal
import time
from pathlib import Path

PATIENCE = 5.0  # seconds between asking and killing
LOOK_EVERY = 0.02


def end_processes_in(folder: Path) -> None:
    """End every process of ours that works in a folder or below it; return when none is left."""
    how, until = signal.SIGTERM, time.monotonic() + PATIENCE
    while processes := processes_in(folder):
        if time.monotonic() > until:
            how = signal.SIGKILL
        for process in processes:
            _signal(process, how)
        time.sleep(LOOK_EVERY)


def processes_in(folder: Path) -> list[int]:
    """Return the processes whose working directory it is, ourselves excepted."""
    folder, found = folder.resolve(), []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            works_in = (entry / "cwd").readlink()
        except OSError:  # another user's, or gone
            continue
        if works_in.is_relative_to(folder):
            found.append(int(entry.name))
    return found


def _signal(process: int, how: signal.Signals) -> None:
    try:
        os.kill(process, how)
    except ProcessLookupError:
        return


def remove(folder: Path) -> None:
    """Remove a home; published results are read-only, and are made writable first."""
    for path in folder.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
