"""A run that removes what is its own, and ours: it ends all the same, and frees its slot."""

from orchestrator.backend import Finished, Lost
from orchestrator.testing.contract import Place
from tests.backends.helpers import polled


async def test_a_run_that_removes_its_directory_ends_as_failed(place: Place) -> None:
    """Its job would be shown as running for ever, keep its slot, and could not be cancelled."""
    script = "d=$(pwd); echo hi; cd /; rm -rf $d"
    run = await place.started(place.run("1", {"script": script}))
    end = await polled(place, run, Finished)
    assert not end.ok
    assert "could not be brought to the disk" in end.reason
    assert await place.outputs(run) == {}
    await place.backend.forget(run)


async def test_a_run_that_removes_its_whole_folder_is_lost(place: Place) -> None:
    """Neither a restart nor a cancel could end its job."""
    script = "d=$(cd .. && pwd); cd /; rm -rf $d"
    run = await place.started(place.run("1", {"script": script}))
    lost = await polled(place, run, Lost)
    assert "its folder was removed" in lost.evidence
    await place.backend.cancel(run)
    await place.backend.forget(run)
