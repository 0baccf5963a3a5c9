"""Looking for a run by its folder: what is believed, and what proves nothing."""

from dataclasses import replace

import pytest

from orchestrator.backend import (
    Absent,
    Alive,
    Found,
    ProtocolError,
    Run,
    Several,
    TransientError,
    Unclear,
)
from orchestrator.backends.cloudhpc.layout import folder
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import ADD, CLEAR, LIST, SHORT, listed
from tests.emulated import Emulated


@pytest.fixture
def crowd(emulated: Emulated) -> int:
    """Have others start 200 simulations, ten on a page of the list."""
    emulated.set(page=10)
    ids = emulated.tell("simulations", folder="of-others", count=200)
    return int(ids[-1])


async def doubtful(place: Place, emulated: Emulated, fault: str) -> Run:
    """Submit a run without an answer."""
    run = await place.ready(place.run("1", place.bodies.sleeps))
    emulated.put(f"{fault},times=1,on={ADD}")
    with pytest.raises(TransientError):
        await place.backend.submit(run)
    emulated.put()
    return run


@pytest.mark.parametrize(("fault", "is_there"), [("drop-after", True), ("drop-before", False)])
async def test_the_list_is_read_as_far_as_the_run_can_be_and_no_further(
    place: Place, emulated: Emulated, crowd: int, fault: str, *, is_there: bool
) -> None:
    """A doubt in a busy account would cost all its calls; or a run be started twice."""
    run = await doubtful(place, emulated, fault)
    assert run.memo["floor"] == crowd
    emulated.tell("simulations", folder="of-others", count=15)
    calls, clears = emulated.calls(LIST), emulated.calls(CLEAR)
    found = await place.backend.find(run)
    assert emulated.calls(LIST) - calls == 2, "ids from 216 down to 200"
    assert emulated.calls(CLEAR) - clears == 1, "or the service would tell what was before"
    if is_there:
        assert isinstance(found, Found)
        assert [found.remote_id] == emulated.starts(run.key)
        assert run.key in found.evidence
    else:
        assert isinstance(found, Absent)


async def test_only_the_very_folder_is_ours(place: Place, emulated: Emulated) -> None:
    """A run of somebody else would be followed, cancelled and harvested."""
    run = place.run("1", {})
    ours = folder(run)
    for other in (f"{ours}0", f"x{ours}", f"{ours}/sub", ours.upper(), ours[:-1]):
        emulated.tell("simulations", folder=other)
    assert isinstance(await place.backend.find(run), Absent)
    [id_] = emulated.tell("simulations", folder=f"/{ours}/")
    found = await place.backend.find(run)
    assert isinstance(found, Found)
    assert found.remote_id == str(id_)


async def test_two_simulations_in_one_folder_are_for_a_person(
    place: Place, emulated: Emulated
) -> None:
    """One of two runs would be taken by chance, the other go on unseen."""
    run = place.run("1", {})
    ids = emulated.tell("simulations", folder=folder(run), count=2)
    assert await place.backend.find(run) == Several(tuple(map(str, ids)))


@pytest.mark.parametrize("fault", ["empty-page", "empty-page,times=1", "list-lag=600"])
async def test_a_list_that_lacks_what_is_known_proves_nothing(
    place: Place, emulated: Emulated, crowd: int, fault: str
) -> None:
    """A run that the list does not show yet would be started a second time."""
    run = await doubtful(place, emulated, "drop-after")
    emulated.put(fault)
    unclear = await place.backend.find(run)
    assert isinstance(unclear, Unclear)
    assert str(crowd) in unclear.why
    emulated.put()
    assert isinstance(await place.backend.find(run), Found)


async def test_a_list_that_is_behind_proves_nothing(
    place: Place, emulated: Emulated, crowd: int
) -> None:
    """A run would be started a second time while the list shows the day before."""
    emulated.pass_time(1000)
    emulated.tell("simulations", folder="of-others")
    run = await doubtful(place, emulated, "drop-after")
    emulated.put("list-lag=600")
    unclear = await place.backend.find(run)
    assert isinstance(unclear, Unclear)
    assert f"lacks {crowd + 1}" in unclear.why
    emulated.put()
    assert isinstance(await place.backend.find(run), Found)


async def test_a_page_that_comes_empty_is_not_the_end(
    place: Place, emulated: Emulated, crowd: int
) -> None:
    """A run on the page after it would be started a second time."""
    run = await doubtful(place, emulated, "drop-after")
    emulated.tell("simulations", folder="of-others", count=25)
    emulated.put("empty-page,on=GET */2")
    unclear = await place.backend.find(run)
    assert isinstance(unclear, Unclear)
    assert f"ends before {crowd}" in unclear.why


async def test_a_known_simulation_that_an_empty_account_lacks_proves_nothing(
    place: Place, emulated: Emulated
) -> None:
    """The first run of an account would be started a second time."""
    run = await doubtful(place, emulated, "drop-after")
    assert run.memo["floor"] == 0
    assert isinstance(await place.poll(listed(place, emulated, "2")), Alive)
    emulated.put("empty-page")
    assert isinstance(await place.backend.find(run), Unclear)
    emulated.put("list-lag=600")
    assert isinstance(await place.backend.find(run), Unclear)


async def test_a_list_that_ends_before_the_floor_proves_nothing(place: Place, crowd: int) -> None:
    """A run would be called absent by the list of another account."""
    run = replace(place.run("1", {}), memo={"floor": crowd + 1})
    assert isinstance(await place.backend.find(run), Unclear)
    run = replace(run, memo={"floor": crowd})
    assert isinstance(await place.backend.find(run), Absent)


@pytest.mark.usefixtures("crowd")
async def test_foreign_ids_are_never_believed(place: Place, emulated: Emulated) -> None:
    """The simulation of somebody else would be taken for ours."""
    run = await doubtful(place, emulated, "drop-after")
    emulated.put("foreign-id,on=GET */index-short/*")
    assert isinstance(await place.backend.find(run), Unclear)
    emulated.put("foreign-id,on=GET */view-short/*")
    with pytest.raises(ProtocolError) as caught:
        await place.backend.find(run)
    assert caught.value.effect == "none"
    assert emulated.calls(SHORT) == 1


async def test_what_is_listed_as_ours_must_be_so_by_its_id(
    place: Place, emulated: Emulated
) -> None:
    """A list that mixes folders up would give us the simulation of somebody else."""
    run = await place.ready(place.run("1", {**place.bodies.sleeps}))
    other = listed(place, emulated, "2")
    emulated.put(f"foreign-id,on=GET */view-short/{other.remote_id}")
    with pytest.raises(ProtocolError):
        await place.backend.find(other)
    assert isinstance(await place.backend.find(run), Absent)
