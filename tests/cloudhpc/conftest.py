"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from orchestrator.backend import QuotaError, Run
from orchestrator.backends.cloudhpc import KIND, opening
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.layout import folder
from orchestrator.backends.cloudhpc.storage import CONTENT_TYPE
from orchestrator.emulators.cloudhpc.kind import KIND as EMULATED
from orchestrator.testing.contract import Bodies, Body, Place, open_place
from orchestrator.testing.contract.place import LOOK_EVERY
from tests.emulated import Clock, Emulated, Ending, certificates, emulating

__all__ = ["Clock", "certificates"]  # the second is a fixture

AT = "/api/v2"
ADD = f"POST {AT}/simulation/add"
LIST = f"GET {AT}/simulation/index-short/{{field}}/{{direction}}/{{page}}"
SHORT = f"GET {AT}/simulation/view-short/{{id}}"
VIEW = f"GET {AT}/simulation/view/{{id}}"
STOP = f"PUT {AT}/simulation/stop/{{id}}"
CLEAR = f"DELETE {AT}/user/delete-cache"
PUT = "PUT /s3/{bucket}/{key:path}"


def shell(script: str, **more: Any) -> Body:
    """Return a body that runs a shell script."""
    table = {"script": "custom-script-u24", "cpu": 1, "ram": "standard", **more}
    return Body(table, {"run.sh": script.encode()})


def _writes(name: str, times: int, then: str = "") -> Body:
    code = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {times})"
    return shell(f'mkdir -p "$(dirname {name})"; python3 -c "{code}" > {name}; {then}')


BODIES = Bodies(
    writes=_writes,
    copies=lambda source, name: shell(f"cp {source} {name}"),
    # It leaves a file: a folder without any result is looked at again after a minute.
    fails=lambda code: shell(f"date > date; exit {code}"),
    sleeps=shell("exec sleep 1000"),
    lingers=lambda name, times: _writes(name, times, then="exec sleep 1000"),
)


@pytest.fixture
def emulated(tmp_path: Path, ending: Ending) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    with emulating(KIND, EMULATED, tmp_path / "service", ending) as emulated:
        yield emulated


@pytest.fixture
async def place(tmp_path: Path, emulated: Emulated) -> AsyncIterator[Place]:
    """Open the backend."""
    async with open_place(
        KIND, emulated.options, tmp_path / "place", BODIES, secrets=emulated.secrets
    ) as place:
        yield place


@pytest.fixture
async def clock(place: Place, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Stop the backend's clock, and open it anew by that."""
    clock = Clock()
    monkeypatch.setattr(opening, "steady", clock)
    await place.reopen()
    return clock


def cloudhpc(place: Place) -> CloudHpc:
    """Return the backend as it is open now."""
    assert isinstance(place.backend, CloudHpc)
    return place.backend


def calls_of(place: Place) -> Calls:
    """Return what makes its calls."""
    return cloudhpc(place).calls


@pytest.fixture
async def lives(place: Place) -> Run:
    """Start a run that goes on until it is stopped."""
    return await place.started(place.run("1", place.bodies.sleeps))


def listed(place: Place, emulated: Emulated, key: str, *, status: int = 30, **more: Any) -> Run:
    """Return a run whose simulation is in the list, though nothing is computed for it."""
    run = place.run(key, dict(place.bodies.sleeps), **more)
    [id_] = emulated.tell("simulations", folder=folder(run), status=status)
    return replace(run, remote_id=str(id_))


def deliver(link: str, body: bytes) -> None:
    """Send bytes to a signed link, as a PUT of this service must be."""
    httpx.put(link, content=body, headers={"Content-Type": CONTENT_TYPE}).raise_for_status()


def fetched(link: str) -> bytes:
    """Return the bytes behind a signed link."""
    return httpx.get(link).raise_for_status().content


async def until(true: Callable[[], bool]) -> None:
    """Wait for an effect over there that shows a moment after its call."""
    with anyio.fail_after(60):
        while not true():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(LOOK_EVERY)


def held_at(patch: pytest.MonkeyPatch, module: object, name: str, number: int) -> None:
    """Let one call of a function, the first is 1, be held for want of budget."""
    real, calls = getattr(module, name), count(1)

    async def held(*args: Any, **more: Any) -> Any:
        if next(calls) == number:
            raise QuotaError("used up", effect="none")
        return await real(*args, **more)

    patch.setattr(module, name, held)
