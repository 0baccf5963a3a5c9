"""Starting a run: what is sent, what is refused before, and what is known after."""

from typing import Any

import pytest

from orchestrator.backend import (
    Absent,
    Found,
    ProtocolError,
    QuotaError,
    RejectedError,
    StageStep,
    TransientError,
)
from orchestrator.backends.cloudhpc import simulations
from orchestrator.backends.cloudhpc.layout import folder
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import ADD, PUT, Clock, calls_of, shell
from tests.emulated import Emulated

SCRIPTS = "GET /api/v2/simulation/view-scripts"


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({}, {"nopre": 1, "mesh": "", "cpu": 1, "ram": "standard"}),
        ({"spot": True}, {"nopre": 0}),
        ({"mesh": "3", "cpu": 2, "ram": "highmem"}, {"mesh": "3", "cpu": 2, "ram": "highmem"}),
    ],
)
async def test_a_run_is_started_as_its_table_says(
    place: Place, more: dict[str, Any], sent: dict[str, Any]
) -> None:
    """A run would compute on another machine than was asked for, and cost more."""
    run = await place.started(place.run("1", shell("true", **more)))
    found = await simulations.view_short(calls_of(place), int(str(run.remote_id)), Use.ASK)
    assert found.model_dump() | sent == found.model_dump()
    assert (found.script, found.folder) == ("custom-script-u24", folder(run))
    assert run.key in found.folder


async def test_a_job_without_inputs_is_refused(place: Place, emulated: Emulated) -> None:
    """A run would be paid for, and say in its output only that there is no folder."""
    run = place.run("1", dict(place.bodies.sleeps))
    with pytest.raises(RejectedError, match=r"no inputs.*\[inputs\]") as caught:
        await place.started(run)
    assert caught.value.effect == "none"
    assert emulated.calls() == 0


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"script": "custom-script-u25"}, r'`script`.*"custom-script-u25".*"custom-script-u24"'),
        ({"ram": "highmen"}, '`ram`.*"highmen"; it offers "highmem"'),
        ({"cpu": 3}, r'`cpu`.*"3"; it offers "1", "2".*orchestrator remote place cpus'),
    ],
)
async def test_what_the_service_does_not_offer_is_refused_before_anything_is_sent(
    place: Place, emulated: Emulated, table: dict[str, Any], says: str
) -> None:
    """A slip in a job file would cost an upload, and a start that fails for no reason told."""
    run = place.run("1", shell("true"), table)
    with pytest.raises(RejectedError, match=says) as caught:
        await place.ready(run)
    assert caught.value.effect == "none"
    assert (emulated.calls(PUT), emulated.calls("POST /api/v2/storage/upload-url")) == (0, 0)
    assert not list(place.directory.glob("archives/*"))


async def test_what_can_be_had_is_asked_twice_a_day(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """Every job would cost three calls of an hour's hundred; or a new script never be taken."""
    for number in range(3):
        await place.ready(place.run(str(number), shell("true")))
    assert emulated.calls(SCRIPTS) == 1
    clock.now += 12 * 3600
    await place.ready(place.run("4", shell("true")))
    assert emulated.calls(SCRIPTS) == 2
    wrong = place.run("5", shell("true"), {"script": "new"})
    for pause in (0, 600, 0, 599):
        clock.now += pause
        with pytest.raises(RejectedError):
            await place.ready(wrong)
    assert emulated.calls(SCRIPTS) == 3, "a list that lacks it is asked for again after a while"


async def test_bad_names_are_refused_before_anything_is_sent(
    place: Place, emulated: Emulated
) -> None:
    """A run would be paid for, and fail late for a name that the service does not take."""
    run = place.run("1", shell("true"))
    step = StageStep("run.sh", place.directory, {"run.sh", "my mesh.inp"})
    with pytest.raises(RejectedError, match=r'"my mesh\.inp" holds a space'):
        await place.backend.stage(run, step)
    assert emulated.calls() == 0


@pytest.mark.parametrize(
    ("fault", "error", "effect", "starts"),
    [
        ("error-after=502", TransientError, "possible", 1),
        ("drop-after", TransientError, "possible", 1),
        ("html", ProtocolError, "possible", 1),
        ("too-many", QuotaError, "none", 0),
        ("error-before=400", RejectedError, "none", 0),
    ],
)
async def test_a_submit_without_an_answer_may_have_started(
    place: Place,
    emulated: Emulated,
    fault: str,
    *,
    error: type[Exception],
    effect: str,
    starts: int,
) -> None:
    """A run would be started twice."""
    run = await place.ready(place.run("1", place.bodies.sleeps))
    emulated.put(f"{fault},times=1,on={ADD}")
    with pytest.raises(error) as caught:
        await place.backend.submit(run)
    assert getattr(caught.value, "effect", None) == effect
    assert len(emulated.starts(run.key)) == starts
    emulated.put()
    if fault != "too-many":  # after it the service wants no call for a while
        assert isinstance(await place.backend.find(run), Found if starts else Absent)
