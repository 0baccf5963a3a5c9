"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.backend import Run
from orchestrator.backends.cloudhpc import KIND
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.model import Options
from orchestrator.emulators.cloudhpc.kind import KIND as EMULATED
from orchestrator.emulators.server import Settings, serving
from orchestrator.testing.contract import Bodies, Body, Place, open_place

STEP = 0.005  # seconds that a step takes over there
ADD = "POST /api/v2/simulation/add"


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


@dataclass(frozen=True, slots=True)
class Emulated:
    """A stand-in service that runs: what it wants in a configuration, and what it knows."""

    options: Options
    secrets: Mapping[str, str]
    control: str

    def put(self, *faults: str) -> None:
        """Switch faults on, in place of all that were."""
        httpx.put(f"{self.control}/faults", json=list(faults)).raise_for_status()

    def set(self, **dials: float) -> None:
        """Change settings."""
        httpx.put(f"{self.control}/settings", json=dials).raise_for_status()

    def tell(self, what: str, **wish: Any) -> Any:
        """Do what somebody else does who shares the account."""
        return httpx.post(f"{self.control}/{what}", json=wish).raise_for_status().json()

    def told(self) -> dict[str, Any]:
        """Return what happened there."""
        known: dict[str, Any] = httpx.get(self.control).raise_for_status().json()
        return known

    def calls(self, route: str | None = None) -> int:
        """Return how many calls of a route there were ("POST /api/v2/…"), or of all."""
        calls: dict[str, int] = self.told()["calls"]
        return sum(calls.values()) if route is None else calls.get(route, 0)

    def starts(self, key: str) -> list[str]:
        """Return the ids of all simulations that were ever started in the folder of a run."""
        return [it["run"] for it in self.told()["starts"] if key in " ".join(it["tags"])]


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    with serving(EMULATED, tmp_path / "service", Settings(step=STEP)) as told:
        tables = tomllib.loads(told.configuration)
        [table] = tables["backends"].values()
        options = Options.model_validate({k: v for k, v in table.items() if k != "kind"})
        secrets = {name: Path(it["file"]).read_text() for name, it in tables["secrets"].items()}
        yield Emulated(options, secrets, told.control)


@pytest.fixture
async def place(tmp_path: Path, emulated: Emulated) -> AsyncIterator[Place]:
    """Open the backend."""
    async with open_place(
        KIND, emulated.options, tmp_path / "place", BODIES, secrets=emulated.secrets
    ) as place:
        yield place


@pytest.fixture
def service(place: Place) -> CloudHpc:
    """Return the open backend with its own type."""
    assert isinstance(place.backend, CloudHpc)
    return place.backend


@pytest.fixture
async def lives(place: Place) -> Run:
    """Start a run that goes on until it is stopped."""
    return await place.started(place.run("1", place.bodies.sleeps))
