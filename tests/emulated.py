"""A stand-in service in a thread of the tests, for the tests of the backend that speaks to it."""

import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.backend import Kind
from orchestrator.backends.http import storage
from orchestrator.backends.http.trust import tls
from orchestrator.emulators.ground import Kind as StandIn
from orchestrator.emulators.server import Settings, serving
from orchestrator.testing.contract import Service, running
from orchestrator.testing.contract.ground import Ground

STEP = 0.005  # seconds that a step takes over there
Ending = Callable[[Callable[[], None]], None]


@dataclass(frozen=True, slots=True)
class Emulated:
    """A service that runs: what it wants in a configuration, and what it knows."""

    options: Any
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
        """Return how many calls of a route there were ("POST /v1/data"), or of all."""
        calls: dict[str, int] = self.told()["calls"]
        return sum(calls.values()) if route is None else calls.get(route, 0)

    def starts(self, key: str) -> list[str]:
        """Return the ids of all runs that were ever started with a key in a tag."""
        return [it["run"] for it in self.told()["starts"] if key in " ".join(it["tags"])]


_tls = cache(tls)


@pytest.fixture(autouse=True)
def certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the system's authorities once, not at each of hundreds of openings."""
    monkeypatch.setattr(storage, "tls", _tls)


class Clock:
    """The time that the backend sees, in seconds; it hardly passes but where a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        """Return it; no two moments are the same."""
        self.now += 1e-6
        return self.now


class EndsBeside(Ground):
    """Tests under faults whose stand-ins end beside the tests that follow."""

    @pytest.fixture
    def service(self, tmp_path: Path, ending: Ending) -> Iterator[Service]:
        """Run the stand-in."""
        with ExitStack() as stack:
            yield stack.enter_context(running(self.stand_in, tmp_path / "service", self.form))
            ending(stack.pop_all().close)


@contextmanager
def emulating(
    kind: Kind, stand_in: StandIn, root: Path, ending: Ending, **dials: float
) -> Iterator[Emulated]:
    """Serve the stand-in of a kind of backend; its end is left to the fixture `ending`."""
    with ExitStack() as stack:
        told = stack.enter_context(serving(stand_in, root, Settings(step=STEP, dials=dials)))
        tables = tomllib.loads(told.configuration)
        [table] = tables["backends"].values()
        options = kind.options.model_validate({k: v for k, v in table.items() if k != "kind"})
        secrets = {name: Path(it["file"]).read_text() for name, it in tables["secrets"].items()}
        yield Emulated(options, secrets, told.control)
        ending(stack.pop_all().close)


def stopped(stop: Callable[[], bool]) -> bool:
    """Return whether a thread is told to stop, within a minute."""
    until = time.monotonic() + 60
    while not stop() and time.monotonic() < until:
        time.sleep(0.001)
    return stop()
