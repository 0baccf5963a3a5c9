"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import Run
from orchestrator.backends.sostrades import KIND
from orchestrator.core.spec import Outputs
from orchestrator.emulators.sostrades.kind import KIND as EMULATED
from orchestrator.emulators.sostrades.lines import LINES, TEXT
from orchestrator.testing.contract import Bodies, Place, open_place
from orchestrator.testing.contract.place import Options
from tests.emulated import Emulated, Ending, certificates, emulating
from tests.sostrades.lab import Lab, open_lab

__all__ = ["certificates"]  # a fixture

REPAIRED = {"repaired": 1.0, "studies": 0.0}  # a release that takes tables
Tell = Callable[..., Any]


# What the common ground of all services does, and knows no words of this one: other kinds have it
# in the everyday suite. And two samples of what narrow tests hold, too.
ELSEWHERE = (
    "test_no_verb_waits_longer_than_a_call_may_last",
    "test_a_submit_ends_within_its_limit",
    "test_a_fault_is_never_taken_for_somebody_s_values",
    "test_a_look_under_faults_leaves_the_run_as_it_is",
    *(
        f"test_a_submit_that_is_struck_starts_one_run[{fault}]"
        for fault in (
            "cut=100",
            "error-before=500",
            "error-before=504",
            "gzip",
            "redirect",
            "short-body",
            "too-many-until=9",
            "too-many=7",
        )
    ),
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave that to the long suite."""
    for item in items:
        if "sostrades/test_service.py" in item.nodeid and item.name.startswith(ELSEWHERE):
            item.add_marker(pytest.mark.long)


def calculates(output: str | None = None, **inputs: JsonValue) -> dict[str, JsonValue]:
    """Return a body that calculates a study of our own process, which has yet to be made."""
    parameters: dict[str, JsonValue] = {_variable(name): it for name, it in inputs.items()}
    if output is None:
        return {"parameters": parameters}
    named: dict[str, JsonValue] = {_variable("name"): output}
    return {"parameters": parameters | named, "values": [_variable(output)]}


def _variable(name: str) -> str:
    return f"study.Lines.{name}"


def _content(lines: int) -> bytes:
    """Return so many lines as a CSV."""
    return b"".join([b"line,text\n", *(f"{n},{TEXT}\n".encode() for n in range(lines))])


BODIES = Bodies(
    writes=lambda name, times: calculates(name, count=times),
    copies=lambda source, name: {**calculates(name), "tables": {_variable("table"): source}},
    fails=lambda code: calculates(message=f"asked to fail with {code}") if code else calculates(),
    sleeps=calculates(waits=True),
    lingers=lambda name, times: calculates(name, count=times, waits=True),
    named=lambda name: f"values/{_variable(name)}.csv",
    content=_content,
    outputs=Outputs(include=("values/*",)),
    settle=True,
)


def a_study(tell: Tell) -> int:
    """Make a study of our own process; return its number."""
    return int(tell("studies", process=LINES.name, name="study"))


def apart(tell: Tell, options: Options) -> Options:
    """Return the options of a run with a study of its own."""
    return {"study": a_study(tell), **options}


async def stop_there(tell: Tell, run: Run) -> None:
    """Stop a run, unless it has ended, as somebody can in the web interface."""
    await run_sync(partial(tell, f"studies/{run.options['study']}/stop"))


@pytest.fixture
def emulated(tmp_path: Path, ending: Ending) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    with emulating(KIND, EMULATED, tmp_path / "service", ending, **REPAIRED) as emulated:
        yield emulated


@pytest.fixture
async def place(tmp_path: Path, emulated: Emulated) -> AsyncIterator[Place]:
    """Open the backend."""
    async with open_place(
        KIND,
        emulated.options,
        tmp_path / "place",
        BODIES,
        secrets=emulated.secrets,
        stop_there=partial(stop_there, emulated.tell),
        apart=partial(apart, emulated.tell),
    ) as place:
        yield place


@pytest.fixture
async def lab(tmp_path: Path, ending: Ending) -> AsyncIterator[Lab]:
    """Open an account at a server of release 5.3.4."""
    async with open_lab(tmp_path, ending) as lab:
        yield lab


@pytest.fixture
async def repaired(tmp_path: Path, ending: Ending) -> AsyncIterator[Lab]:
    """Open an account at a server that lists variables, and takes tables."""
    async with open_lab(tmp_path, ending, repaired=1) as lab:
        yield lab
