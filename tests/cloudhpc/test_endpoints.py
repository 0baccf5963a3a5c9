"""The typed client: every call of the interface once, with its effect over there."""

import pytest

from orchestrator.backend import ProtocolError, Run, TransientError
from orchestrator.backends.cloudhpc import simulations, storage
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.judging import Status
from orchestrator.backends.cloudhpc.layout import UPLOAD, folder
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import CLEAR, calls_of, cloudhpc, deliver, fetched, shell, until
from tests.emulated import Emulated


@pytest.fixture
def calls(place: Place) -> Calls:
    """Return what makes the calls."""
    return calls_of(place)


async def test_what_can_be_had(calls: Calls) -> None:
    """A person could not write a job file."""
    assert (await simulations.cpus(calls, Use.ASK))[:3] == ["1", "2", "4"]
    assert "highmem" in await simulations.rams(calls, Use.ASK)
    assert "calculiX-2.21-PARDISO" in await simulations.scripts(calls, Use.ASK)


async def test_a_simulation_from_its_start_to_its_end(
    calls: Calls, lives: Run, emulated: Emulated
) -> None:
    """Nothing could be started, followed or stopped."""
    id_ = int(str(lives.remote_id))
    emulated.set(stopping=0)
    short = await simulations.view_short(calls, id_, Use.ASK)
    assert (short.id, short.folder, short.status in {20, 30}) == (id_, folder(lives), True)
    assert [row.id for row in await simulations.page(calls, 1, Use.ASK)] == [id_]
    await simulations.sync(calls, id_, Use.ASK)
    await simulations.stop(calls, id_, "SIGTSTP", Use.ASK)
    await until(lambda: emulated.told()["live"] == [])
    while (found := await simulations.view(calls, id_, Use.ASK)).status != Status.STOPPED:
        pass
    assert "soft stop" in found.logs


@pytest.mark.parametrize(
    ("field", "order", "first"), [("id", "desc", 3), ("id", "asc", 1), ("edate", "asc", 3)]
)
async def test_simulations_are_listed_in_any_order(
    calls: Calls, emulated: Emulated, field: str, order: simulations.Order, first: int
) -> None:
    """A person could not find an old run."""
    emulated.tell("simulations", folder="x", count=2)
    emulated.tell("simulations", folder="x", status=30)
    emulated.set(page=2)
    rows = await simulations.page(calls, 1, Use.ASK, field=field, order=order)
    assert (len(rows), rows[0].id) == (2, first)
    assert len(await simulations.page(calls, 2, Use.ASK)) == 1
    assert await simulations.page(calls, 3, Use.ASK) == []


async def test_an_unknown_id_is_told_apart(calls: Calls, lives: Run) -> None:
    """A run that nobody knows any more would be watched for ever."""
    assert await simulations.is_known(calls, int(str(lives.remote_id)), Use.ASK)
    assert not await simulations.is_known(calls, 999, Use.ASK)
    with pytest.raises(TransientError, match="technical problem"):
        await simulations.view(calls, 999, Use.ASK)


async def test_a_file_there_and_back(calls: Calls, emulated: Emulated) -> None:
    """No input could be brought, and no result fetched."""
    link = await storage.upload_url(calls, "box", "a.dat", Use.ASK)
    deliver(link, b"alpha")
    await storage.delete_cache(calls, Use.ASK)
    [box] = [item async for item in storage.items(calls, Use.ASK)]
    assert (box.name, box.type, box.size) == ("box", "dir", None)
    [item] = await storage.page(calls, 1, Use.ASK, parent=box.id, field="size", order="desc")
    assert (item.name, item.type, item.size) == ("box/a.dat", "file", 5)
    assert await storage.by_path(calls, "box/a.dat", Use.ASK) == item
    assert await storage.by_path(calls, "box/b.dat", Use.ASK) is None
    link = await storage.download_link(calls, item.id, Use.ASK)
    assert fetched(link) == b"alpha"
    assert await storage.media_link(calls, item.id, Use.ASK) == "", "there is none at first"
    link = await storage.media_link(calls, item.id, Use.ASK)
    assert fetched(link) == b"alpha"
    await storage.delete(calls, item.id, Use.ASK)
    assert await storage.by_path(calls, "box/a.dat", Use.ASK) == item, "a listing is remembered"
    await storage.delete_cache(calls, Use.ASK)
    assert await storage.by_path(calls, "box/a.dat", Use.ASK) is None
    assert emulated.calls(CLEAR) == 2


async def test_what_the_service_calls_no_path_is_found_in_the_listing(
    calls: Calls, place: Place, emulated: Emulated
) -> None:
    """A run's results would count as lost where one call of the service fails."""
    run = await place.ready(place.run("1", shell("true")))
    await storage.delete_cache(calls, Use.ASK)
    emulated.put("error-before=404,on=*/view-by-path")
    found = await storage.find(calls, folder(run), Use.ASK)
    assert found is not None
    assert found.name == folder(run)
    assert await storage.find(calls, "nothing", Use.ASK) is None
    [upload] = [item async for item in storage.items(calls, Use.ASK, found.id)]
    assert upload.name == f"{folder(run)}/{UPLOAD}"


async def test_a_list_that_never_ends_is_a_fault(
    calls: Calls, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One mad answer would keep the daemon busy for ever."""
    await place.ready(place.run("1", shell("true")))
    await storage.delete_cache(calls, Use.ASK)
    monkeypatch.setattr(storage, "MOST_PAGES", 1)
    with pytest.raises(ProtocolError, match="more than 1 pages"):
        _ = [item async for item in storage.items(calls, Use.ASK)]


async def test_what_the_backend_promises(place: Place) -> None:
    """The engine would call a run absent, or a result whole, on proofs that are none."""
    traits = cloudhpc(place).traits
    assert (traits.absence_window, traits.exit_codes, traits.md5_on_open) == (900.0, False, True)
    assert (traits.poll_batch, traits.hints) == (1000, False)
