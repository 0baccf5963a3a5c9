"""Runs that are given to the cluster behind others."""

from dataclasses import replace

import pytest

from orchestrator.backend import Absent, Found, TransientError
from orchestrator.testing.contract import Place
from tests.emulated import Emulated


async def test_nothing_goes_behind_a_run_that_was_merely_received(
    place: Place, emulated: Emulated
) -> None:
    """The service would call it failed without having begun it, and its job would have failed."""
    first = place.run("1", place.bodies.sleeps)
    emulated.put("stays-received,times=1,on=POST *")
    with pytest.raises(TransientError):
        await place.started(first)
    found = await place.backend.find(first)
    assert isinstance(found, Found)
    behind = replace(place.run("2", place.bodies.sleeps), after=(found.remote_id,))
    with pytest.raises(TransientError, match=r"is looked at first: .* has been received") as caught:
        await place.started(behind)
    assert caught.value.effect == "none"
    assert isinstance(await place.backend.find(behind), Absent)
