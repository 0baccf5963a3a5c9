"""How runs are stopped: once, ours alone, and only while they run."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.backend import (
    Alive,
    BackendError,
    Finished,
    RejectedError,
    Run,
    TransientError,
)
from orchestrator.backends.cloudhpc import backend as module
from orchestrator.backends.cloudhpc.backend import CloudHpc
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import STOP, Clock, listed, shell, until
from tests.emulated import Emulated

WORKS = "echo 1 > part; touch begun; exec sleep 1000"


async def working(place: Place, **table: Any) -> Run:
    """Start a run; wait until it has written something."""
    run = await place.started(place.run("1", shell(WORKS, **table)))
    root = place.directory.with_name("service")
    await until(lambda: bool(list(root.glob("work/**/begun"))))
    return run


@pytest.mark.parametrize(
    ("how", "says", "log", "kept"),
    [
        ("soft", "after a soft stop: its results are kept", b"soft stop", {"part", "begun"}),
        ("hard", "after a hard stop: the service deletes its results", b"hard stop", set()),
    ],
)
async def test_a_cancel_is_soft_or_hard_as_the_spec_says(
    place: Place, emulated: Emulated, how: str, *, says: str, log: bytes, kept: set[str]
) -> None:
    """The results of a cancelled run would be deleted over there, or it go on for minutes."""
    emulated.set(stopping=0)
    run = await working(place, stop=how)
    end = await place.end(await place.cancelled(run))
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, "cancel")
    assert says in end.reason
    if not kept:
        with pytest.raises(TransientError, match="no result yet"):
            await place.outputs(run)
    assert log in (await place.outputs(run, log=True))["logs.log"]
    assert set(await place.outputs(run)) == kept
    assert emulated.told()["live"] == []


async def test_a_stop_is_not_asked_for_again_at_once(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A soft stop takes minutes: an hour's calls would be gone for one cancel."""
    emulated.set(stopping=10_000)
    run = await place.started(place.run("1", place.bodies.sleeps))
    clock.now += 1
    assert isinstance(await place.poll(run), Alive)
    for _ in range(3):
        await place.cancelled(run)
    assert emulated.calls(STOP) == 1
    clock.now += module.STOP_AGAIN
    await place.cancelled(run)
    assert emulated.calls(STOP) == 1, "nothing was seen since"
    service = place.backend
    assert isinstance(service, CloudHpc)
    assert service._look is not None
    service._look = replace(service._look, at=clock.now)  # as if a later look showed that it runs
    await place.cancelled(run)
    assert emulated.calls(STOP) == 2, "the service has let the stop fall"
    clock.now += module.STOP_AGAIN
    assert await place.poll(run) == Alive("STOPPING")
    await place.cancelled(run)
    await place.reopen()
    await place.cancelled(run)
    assert emulated.calls(STOP) == 2, "it is stopping"
    emulated.set(stopping=0)


async def test_a_stop_without_an_answer_is_asked_for_again(
    place: Place, emulated: Emulated
) -> None:
    """A cancelled job would go on and be paid."""
    run = listed(place, emulated, "1")
    emulated.put("error-before=503,times=1,on=PUT */stop/*")
    with pytest.raises(BackendError):
        await place.cancelled(run)
    assert emulated.calls(STOP) == 0, "it was struck before it could count"
    await place.cancelled(run)
    assert emulated.calls(STOP) == 1


@pytest.mark.parametrize("seen", [False, True])
async def test_a_simulation_in_another_folder_is_left_alone(
    place: Place, emulated: Emulated, *, seen: bool
) -> None:
    """A person who adopted the wrong run would end a colleague's."""
    other = listed(place, emulated, "1")
    if seen:
        await place.poll(other)
    wrong = place.run("2", {**place.bodies.sleeps}, remote_id=other.remote_id)
    with pytest.raises(RejectedError, match=r"job-orch-.*, not ours: it is left alone") as caught:
        await place.cancelled(wrong)
    assert caught.value.effect == "none"
    assert emulated.calls(STOP) == 0


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("status", [10, 50, 60])
async def test_nothing_is_sent_after_the_end(
    place: Place, emulated: Emulated, status: int, *, seen: bool
) -> None:
    """A hard stop that comes late would delete the results of a run that ended well."""
    run = listed(place, emulated, "1", status=status)
    run = replace(run, options={**run.options, "stop": "hard"})
    if seen:
        await place.poll(run)
    await place.cancelled(run)
    await place.cancelled(run)
    assert emulated.calls(STOP) == 0


@pytest.mark.parametrize("id_", [None, "abc"])
async def test_a_wrong_number_is_a_clear_error(place: Place, id_: str | None) -> None:
    """A person who adopted something else would not learn why it cannot be stopped."""
    with pytest.raises(RejectedError, match="is no id of a simulation"):
        await place.cancelled(place.run("1", {**place.bodies.sleeps}, remote_id=id_))
