"""One emulator for each file of tests; each test begins without faults."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulators.kinds import KINDS
from orchestrator.emulators.server import Settings, Told, serving
from tests.emulators.talking import Person


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Return an emulated TheCrossProduct."""
    root = tmp_path_factory.mktemp("emulator")
    with serving(KINDS["thecrossproduct"], root, Settings(step=0.01)) as answer:
        yield answer


@pytest.fixture
def me(told: Told) -> Iterator[Person]:
    """Return the first account, logged in; its tokens end with the test."""
    person = Person(told, told.facts["mail"], told.facts["password"])
    yield person
    person.close()


@pytest.fixture
def colleague(told: Told) -> Iterator[Person]:
    """Return the second account, logged in."""
    others: Any = told.facts["others"]
    person = Person(told, others[0]["mail"], others[0]["password"])
    yield person
    person.close()


@pytest.fixture
def starting(
    program: list[str], environment: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Return a way to start a kind on one root; what still runs is ended in order."""
    started: list[subprocess.Popen[str]] = []

    def popen(kind: str, *more: str) -> subprocess.Popen[str]:
        command = [*program, "emulate", kind, "--root", str(tmp_path / "root"), *more]
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)
        started.append(child)
        return child

    yield popen
    for child in started:
        child.terminate()
        child.communicate(timeout=60)
