"""Start the programs of child.py, also under strace, also on the interpreter's own SQLite."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

needs_strace = pytest.mark.needs("strace")

_ROOT = Path(__file__).parents[2]
_WITHOUT_PYSQLITE = (
    "import sys, runpy; sys.modules['pysqlite3'] = None; sys.argv = ['child', *sys.argv[1:]];"
    " runpy.run_module('tests.store.child', run_name='__main__')"
)
ENGINES = ["chosen", "builtin"]


def command(program: str, folder: Path, *, engine: str = "chosen") -> list[str]:
    """Return the command line that runs a program of child.py."""
    how = ["-m", "tests.store.child"] if engine == "chosen" else ["-c", _WITHOUT_PYSQLITE]
    return [sys.executable, *how, program, str(folder)]


def environment() -> dict[str, str]:
    """Return the environment in which a child finds this project."""
    return {**os.environ, "PYTHONPATH": str(_ROOT)}


def start(program: str, folder: Path, *, engine: str = "chosen") -> subprocess.Popen[str]:
    """Start a program whose words are read line by line."""
    return subprocess.Popen(
        command(program, folder, engine=engine),
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )


def run(
    program: str,
    folder: Path,
    *,
    engine: str = "chosen",
    inject: str = "",
    path: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; with `inject`, strace harms its system calls (on `path` only)."""
    harm: list[str] = []
    if inject:
        only = [] if path is None else ["-P", str(path)]
        harm = ["strace", "-f", "-qq", "-o", "/dev/null", *only, "-e", f"inject={inject}"]
    return subprocess.run(
        [*harm, *command(program, folder, engine=engine)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(),
    )
