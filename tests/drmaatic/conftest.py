"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import JsonValue

from orchestrator.backend import Run
from orchestrator.backends.drmaatic import KIND, opening
from orchestrator.backends.drmaatic.backend import Drmaatic
from orchestrator.backends.drmaatic.submitting import description
from orchestrator.backends.http import open_door
from orchestrator.emulators.drmaatic.kind import KIND as EMULATED
from orchestrator.testing.contract import Bodies, Body, Place, open_place
from tests.emulated import Clock, Emulated, Ending, certificates, emulating

__all__ = ["Clock", "certificates"]  # the second is a fixture

YEARS = ("2025", "2023")
today = pytest.mark.parametrize("year", ["2025"])
RUNNING, DONE, FAILED = "job is running", "job finished normally", "job finished, but failed"
RUNS = {"2023": "task", "2025": "job"}


def shell(script: str, data: str | None = None, **more: Any) -> Body:
    """Return a body that runs a shell script, with at most one file of data."""
    files: dict[str, JsonValue] = {"script": "run.sh"}
    if data is not None:
        files["data"] = data
    return Body({"task": "shell", "files": files, **more}, {"run.sh": script.encode()})


def entry(task: str, inputs: Mapping[str, bytes] | None = None, **more: Any) -> Body:
    """Return a body that runs an entry of the catalogue."""
    return Body({"task": task, **more}, inputs or {})


def _writes(name: str, times: int, then: str = "") -> Body:
    code = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {times})"
    return shell(f"mkdir -p \"$(dirname '{name}')\"; python3 -c '{code}' > '{name}'; {then}")


BODIES = Bodies(
    writes=_writes,
    copies=lambda source, name: shell(f"cp data.* '{name}'", source),
    fails=lambda code: shell(f"exit {code}"),
    sleeps=shell("exec sleep 1000"),
    lingers=lambda name, times: _writes(name, times, then="exec sleep 1000"),
)


# What knows no words of the service: once in the everyday suite is enough.
WORDLESS = (
    "test_a_daemon_at_work_shows_no_secret_to_anybody",
    "test_no_verb_waits_longer_than_a_call_may_last",
    "test_a_submit_ends_within_its_limit",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave to the long suite, in the words of 2023, what takes its time in any."""
    for item in items:
        if "TestUnderFaultsIn2023" in item.nodeid and item.name.startswith(WORDLESS):
            item.add_marker(pytest.mark.long)


@pytest.fixture(params=YEARS)
def year(request: pytest.FixtureRequest) -> str:
    """Return the dialect that the service speaks."""
    return str(request.param)


@pytest.fixture
def emulated(tmp_path: Path, ending: Ending, year: str) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    root = tmp_path / "service"
    with emulating(KIND, EMULATED, root, ending, dialect=float(year)) as emulated:
        yield emulated


@pytest.fixture
async def place(tmp_path: Path, emulated: Emulated) -> AsyncIterator[Place]:
    """Open the backend, which has to find out the dialect."""
    async with open_place(
        KIND, emulated.options, tmp_path / "place", BODIES, secrets=emulated.secrets
    ) as place:
        yield place


@pytest.fixture
async def clock(place: Place, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the clock of the backend and of its account, and open it anew by that."""
    clock = Clock()
    monkeypatch.setattr(opening, "steady", clock)
    monkeypatch.setattr(opening, "open_door", partial(open_door, steady=clock))
    await place.reopen()
    return clock


def drmaatic(place: Place) -> Drmaatic:
    """Return the backend as it is open now."""
    assert isinstance(place.backend, Drmaatic)
    return place.backend


@pytest.fixture
async def lives(place: Place) -> Run:
    """Start a run that goes on until it is stopped."""
    return await place.started(place.run("1", place.bodies.sleeps))


def listed(place: Place, emulated: Emulated, key: str, **wish: Any) -> Run:
    """Return a run that the service knows by its key, though nothing is computed for it."""
    run = place.run(key, {"task": "sleep"})
    [uuid] = emulated.tell("runs", **{"description": description(run), "status": RUNNING, **wish})
    return replace(run, remote_id=uuid)
