"""What is removed over there, and what is left."""

from dataclasses import replace

import pytest

from orchestrator.backend import Found, Run
from orchestrator.backends.cloudhpc import storage
from orchestrator.backends.cloudhpc.layout import folder
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import AT, calls_of, shell
from tests.emulated import Emulated

DELETE = f"DELETE {AT}/storage/delete/{{id}}"


async def is_there(place: Place, run: Run) -> bool:
    """Whether the storage holds the folder of a run."""
    await storage.delete_cache(calls_of(place), Use.ASK)
    return await storage.find(calls_of(place), folder(run), Use.ASK) is not None


@pytest.mark.parametrize(
    ("remove", "stored", "left"),
    [("nothing", True, True), ("files", True, False), ("files", False, True)],
)
async def test_only_what_the_spec_says_is_removed(
    place: Place, emulated: Emulated, remove: str, *, stored: bool, left: bool
) -> None:
    """Results would be removed over there that are not stored here, or that the user wants kept."""
    body = shell("echo 1 > a; mkdir b; echo 2 > b/c", remove=remove)
    run = await place.started(place.run("1", body))
    neighbour = await place.ready(place.run("10", shell("true")))
    await place.end(run)
    run = replace(run, stored=stored)
    await place.backend.forget(run)
    assert await is_there(place, run) is left
    assert await is_there(place, neighbour)
    await place.backend.forget(run)
    assert emulated.calls(DELETE) == (0 if left else 1)
    assert isinstance(await place.backend.find(run), Found), "the record stays for good"
    assert [path.name for path in place.directory.glob("archives/*") if run.key in path.name] == []


async def test_a_run_with_an_odd_id_can_be_forgotten(place: Place) -> None:
    """A job that a person adopted by mistake would never be let go of."""
    await place.backend.forget(place.run("1", {**place.bodies.sleeps}, remote_id="abc"))
