"""What is removed over there, and what is left."""

from dataclasses import replace

from orchestrator.backend import Run
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place
from tests.drmaatic.conftest import drmaatic, entry, listed, shell
from tests.emulated import Emulated


async def is_there(place: Place, run: Run) -> bool:
    """Whether the service knows a run."""
    return await drmaatic(place).service.get(str(run.remote_id), Use.ASK) is not None


async def test_only_what_the_spec_says_is_removed(place: Place, emulated: Emulated) -> None:
    """Results would be removed over there that are not stored here, or that the user wants kept."""
    neighbour = listed(place, emulated, "10")
    for remove, stored, left in (
        ("nothing", True, True),
        ("run", True, False),
        ("run", False, True),
    ):
        run = replace(listed(place, emulated, "1"), options=entry("sleep", remove=remove))
        for _ in range(2):  # a crash right after it makes it come again
            await place.backend.forget(replace(run, stored=stored))
            assert await is_there(place, run) is left, (remove, stored)
    assert await is_there(place, neighbour)


async def test_a_run_that_others_work_in_is_left(place: Place) -> None:
    """A child that runs would lose the directory under its feet."""
    parent = await place.started(place.run("1", shell("true", remove="run")))
    await place.end(parent)
    child = place.run("2", shell("exec sleep 1000", parent=parent.remote_id, remove="run"))
    child = await place.started(child)
    await place.backend.forget(replace(parent, stored=True))
    assert await is_there(place, parent)
    await place.end(await place.cancelled(child))
    await place.backend.forget(replace(child, stored=True))
    assert not await is_there(place, child)


async def test_a_run_with_an_odd_id_can_be_forgotten(place: Place) -> None:
    """A job that a person adopted by mistake would never be let go of."""
    run = place.run("1", entry("sleep", remove="run"), remote_id="abc", stored=True)
    await place.backend.forget(run)
