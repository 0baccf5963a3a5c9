"""A home with a real queue, and the real program."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.home import Home
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.serve import prepare
from orchestrator.store import migrate
from orchestrator.store.home import found_home
from orchestrator.store.sqlite import connect_writer
from tests.cli.bench import HOME_ID, Answer, Bench, Program

ROOT = Path(__file__).parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home with all its folders, no configuration file and no queue."""
    home = Home(tmp_path / "home")
    prepare(home)
    return home


@pytest.fixture
def program(home: Home) -> Program:
    """Return a way to run the real program on the home, to its end."""

    def run(*arguments: str | Path, **more: Any) -> Answer:
        command = [sys.executable, "-m", "orchestrator", *map(str, arguments)]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        environment |= {"ORCHESTRATOR_HOME": str(home.root)} | more.pop("environment", {})
        asked = {"capture_output": True, "text": True, "timeout": 60} | more
        return subprocess.run(command, check=False, env=environment, **asked)

    return run


@pytest.fixture
def bench(home: Home) -> Iterator[Bench]:
    """Return the home's queue, open for writing."""
    conn = connect_writer(home.database)
    try:
        migrate.migrate(conn, home.backups)
        found_home(conn, HOME_ID, read_anchor(1000.0))
        yield Bench(home, conn)
    finally:
        conn.close()
