"""What the tests of Slurm share: one real Slurm for all tests of a worker, and a backend on it."""

import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backends.slurm import KIND, watching
from orchestrator.testing.contract import Bodies, Place, open_place
from tests.slurm.cluster import Cluster, running

NEEDS = ("root", "slurmctld", "slurmd", "slurmdbd", "slurmrestd", "sbatch", "munged", "mariadbd")
WAYS = ("commands", "token", "socket")
SMALL = {"mem": "64M"}  # so that many fit
_rest = pytest.param("token", marks=pytest.mark.long)
either = pytest.mark.parametrize("way", ["commands", _rest])  # where they hardly differ
both = pytest.mark.parametrize("way", ["commands", "token"])  # where they may
commands = pytest.mark.parametrize("way", ["commands"])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave most of the contract by slurmrestd to the long suite: the judgement is the same."""
    for item in items:
        by_rest = "test_contract" in item.nodeid and item.nodeid.endswith(("[token]", "[socket]"))
        if by_rest and not item.name.startswith(("test_it_runs_once", "test_cancel_ends")):
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A Slurm that runs: whoever stops a part of it starts it again. For tests marked NEEDS."""
    with running() as cluster:
        yield cluster


def shell(script: str, **more: Any) -> dict[str, Any]:
    """Return a [run] table that runs a shell script."""
    return {"script": script, **SMALL, **more}


def _writes(name: str, times: int, then: str = "") -> dict[str, Any]:
    code = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {times})"
    return shell(f"{sys.executable} -S -c '{code}' > '{name}'; {then}")


BODIES = Bodies(
    writes=_writes,
    copies=lambda source, name: shell(f"cp '{source}' '{name}'"),
    fails=lambda code: shell(f"exit {code}"),
    sleeps=shell("exec sleep 1000"),
    lingers=lambda name, times: _writes(name, times, then="exec sleep 1000"),
)


def options_of(cluster: Cluster, way: str, directory: Path, **more: Any) -> Any:
    """Return the options of a backend on that cluster, by one of its WAYS in."""
    directory.mkdir(exist_ok=True)
    rest = {
        "commands": None,
        "token": {"url": cluster.url, "user": "root", "token": {"secret": "slurm"}},
        "socket": {"socket": str(cluster.socket)},
    }[way]
    conf = directory.with_name("slurm.conf")  # of a submit host that does not wait for long
    conf.write_text(f"{cluster.layout.conf.joinpath('slurm.conf').read_text()}MessageTimeout=2\n")
    told = {"directory": str(directory), "rest": rest, "conf": str(conf), **more}
    return KIND.options.model_validate(told)


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """Return the way in."""
    return str(request.param)


@pytest.fixture
async def place(
    cluster: Cluster, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    """Open the backend; what it is told of the queue, it asks for again at once."""
    monkeypatch.setattr(watching, "FRESH", 0.0)
    monkeypatch.setenv("PATH", cluster.environment["PATH"])
    options = options_of(cluster, way, tmp_path / "shared")
    secrets = {"slurm": cluster.token()} if way == "token" else {}
    async with open_place(KIND, options, tmp_path / "place", BODIES, secrets=secrets) as place:
        yield place
    cluster.run("scancel", "--user=root")
