"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

import tomllib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest

from orchestrator.backend import QuotaError, Run
from orchestrator.backends.cloudhpc import KIND, opening
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.layout import folder
from orchestrator.backends.cloudhpc.model import Options
from orchestrator.backends.cloudhpc.storage import CONTENT_TYPE
from orchestrator.backends.http import door, storage
from orchestrator.backends.http.trust import tls
from orchestrator.emulators.cloudhpc.kind import KIND as EMULATED
from orchestrator.emulators.server import Settings, serving
from orchestrator.testing.contract import Bodies, Body, Place, open_place

STEP = 0.005  # seconds that a step takes over there
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
        wishes = {name.replace("_", "-"): number for name, number in dials.items()}
        httpx.put(f"{self.control}/settings", json=wishes).raise_for_status()

    def pass_time(self, seconds: float) -> None:
        """Move the service's clock ahead."""
        httpx.post(f"{self.control}/clock", json={"ahead": seconds}).raise_for_status()

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


class Clock:
    """The time that the backend sees, in seconds; it hardly passes but where a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        """Return it; no two moments are the same."""
        self.now += 1e-6
        return self.now


_tls = cache(tls)


@pytest.fixture(autouse=True)
def certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the system's authorities once, not twice at each of hundreds of openings."""
    for module in (door, storage):
        monkeypatch.setattr(module, "tls", _tls)


@pytest.fixture(scope="session")
def ending() -> Iterator[Callable[[Callable[[], None]], None]]:
    """End services beside the tests that follow: each takes a fifth of a second, in which it waits.

    Whatever goes wrong at an end is raised after the last test.
    """
    with ThreadPoolExecutor(4) as pool:
        ends: list[Future[None]] = []
        yield lambda end: ends.append(pool.submit(end))
        for end in ends:
            end.result()


@pytest.fixture
def emulated(tmp_path: Path, ending: Callable[[Callable[[], None]], None]) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    with ExitStack() as stack:
        told = stack.enter_context(serving(EMULATED, tmp_path / "service", Settings(step=STEP)))
        tables = tomllib.loads(told.configuration)
        [table] = tables["backends"].values()
        options = Options.model_validate({k: v for k, v in table.items() if k != "kind"})
        secrets = {name: Path(it["file"]).read_text() for name, it in tables["secrets"].items()}
        yield Emulated(options, secrets, told.control)
        ending(stack.pop_all().close)


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
    with anyio.fail_after(20):
        while not true():
            await anyio.lowlevel.checkpoint()


def held_at(patch: pytest.MonkeyPatch, module: object, name: str, number: int) -> None:
    """Let one call of a function, the first is 1, be held for want of budget."""
    real, calls = getattr(module, name), count(1)

    async def held(*args: Any, **more: Any) -> Any:
        if next(calls) == number:
            raise QuotaError("used up", effect="none")
        return await real(*args, **more)

    patch.setattr(module, name, held)
