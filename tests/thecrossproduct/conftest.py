"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

import tomllib
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.backends.thecrossproduct import KIND, outputs
from orchestrator.backends.thecrossproduct.model import Options
from orchestrator.emulators.server import serving
from orchestrator.emulators.thecrossproduct.kind import KIND as EMULATED
from orchestrator.testing.contract import Bodies, Place, open_place


def _shell(script: str, **files: Any) -> Mapping[str, Any]:
    inputs: dict[str, Any] = {"script": script}
    return {"app": "emulator/shell", "inputs": inputs | files}


def _writes(name: str, times: int) -> Mapping[str, Any]:
    code = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {times})"
    return _shell(f'mkdir -p "$(dirname {name})"; python3 -c "{code}" > {name}')


BODIES = Bodies(
    writes=_writes,
    copies=lambda source, name: _shell(f"cp in {name}", files={"in": {"input": source}}),
    fails=lambda code: _shell(f"exit {code}"),
    sleeps=_shell("exec sleep 1000"),
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

    def told(self) -> dict[str, Any]:
        """Return what happened there."""
        known: dict[str, Any] = httpx.get(self.control).raise_for_status().json()
        return known

    def starts(self, key: str) -> list[str]:
        """Return the ids of all processes that were ever started with a tag."""
        return [start["run"] for start in self.told()["starts"] if key in start["tags"]]


@pytest.fixture
def emulated(tmp_path: Path) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    with serving(EMULATED, tmp_path / "service") as told:
        tables = tomllib.loads(told.configuration)
        [table] = tables["backends"].values()
        options = Options.model_validate({k: v for k, v in table.items() if k != "kind"})
        secrets = {name: Path(it["file"]).read_text() for name, it in tables["secrets"].items()}
        yield Emulated(options, secrets, told.control)


@pytest.fixture
async def place(
    tmp_path: Path, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    """Open the backend; one listing of outputs counts, so that nobody waits a second."""
    monkeypatch.setattr(outputs, "SETTLED", 0.0)
    async with open_place(
        KIND, emulated.options, tmp_path / "place", BODIES, secrets=emulated.secrets
    ) as place:
        yield place
