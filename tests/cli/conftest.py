"""A home with a real queue, and the real program."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from orchestrator.config.home import Home
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.serve import prepare
from orchestrator.store import migrate
from orchestrator.store.home import found_home
from orchestrator.store.sqlite import connect_writer
from tests.cli.bench import HOME_ID, Answer, Bench, Run, Start
from tests.warm import Warm


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home with all its folders, no configuration file and no queue."""
    home = Home(tmp_path / "home")
    prepare(home)
    return home


@pytest.fixture
def environment(environment: dict[str, str], home: Home) -> dict[str, str]:
    """Return the environment of the tests' programs, with this home, and with UTC to print."""
    return environment | {"ORCHESTRATOR_HOME": str(home.root), "TZ": "UTC"}


@pytest.fixture
def start(program: list[str], environment: dict[str, str]) -> Iterator[Start]:
    """Return a way to start the real program; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def popen(*arguments: str | Path, **more: Any) -> subprocess.Popen[str]:
        asked: dict[str, Any] = {"stdout": PIPE, "stderr": PIPE, "env": environment} | more
        child = subprocess.Popen([*program, *map(str, arguments)], text=True, **asked)
        started.append(child)
        return child

    yield popen
    for child in started:
        child.kill()
        child.communicate()


@pytest.fixture
def run(program: list[str], environment: dict[str, str], warm: Warm) -> Run:
    """Return a way to run the real program to its end; in a new interpreter where `more` asks."""

    def to_end(*arguments: str | Path, **more: Any) -> Answer:
        if not more:
            return warm.run([*map(str, arguments)], environment)
        env = environment | more.pop("environment", {})
        asked = {"capture_output": True, "text": True, "timeout": 60, "env": env} | more
        return subprocess.run([*program, *map(str, arguments)], check=False, **asked)

    return to_end


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
