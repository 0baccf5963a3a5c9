"""Every endpoint below /app, against the stand-in service."""

import pytest

from orchestrator.backend import ProtocolError
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place
from tests.emulated import Emulated

ASK = Use.ASK
HELLO = "test/helloworld"
NOBODY = "00000000-0000-4000-8000-000000000000"


async def start(session: Session, tag: str, script: str = "exec sleep 1000") -> str:
    """Start a run of the shell and return its id."""
    inputs = {"script": script}
    return await apps.run(session, "emulator/shell", inputs, tags=[tag], output_prefix=f"o/{tag}")


async def test_apps_are_listed_and_described(session: Session, emulated: Emulated) -> None:
    """A person could not find out what there is to run."""
    found = await apps.apps(session)
    assert found["sncf_reseau"] == ["railway_track_regression"]
    assert "hello" in await apps.page(session, HELLO)
    assert isinstance(await apps.inputs_schema(session, HELLO, ASK), dict)
    emulated.put("empty-json,on=GET /v1/app")
    assert await apps.apps(session) == {}
    emulated.put("html,on=GET /v1/app")
    with pytest.raises(ProtocolError):
        await apps.apps(session)


async def test_a_run_carries_what_it_was_given(session: Session, emulated: Emulated) -> None:
    """A run would not be found again by its tag, or leave its outputs elsewhere."""
    id_ = await apps.run(session, HELLO, {}, tags=["t1", "t2"], output_prefix="o/x", pool=["p"])
    assert emulated.starts("t1") == [id_]
    process = await apps.process(session, id_, ASK)
    assert process is not None
    assert (process.domain, process.app, process.tags) == ("test", "helloworld", ("t1", "t2"))
    body = process.model_dump()["body"]
    assert body == {"inputs": {}, "output-prefix": "o/x", "tags": ["t1", "t2"], "pool": ["p"]}


async def test_a_process_is_none_or_the_one_asked_for(session: Session, emulated: Emulated) -> None:
    """One run would be given the end of another."""
    assert await apps.process(session, NOBODY, ASK) is None
    id_ = await start(session, "t")
    emulated.put("foreign-id")
    with pytest.raises(ProtocolError, match=f"asked for process {id_}, the answer is about"):
        await apps.process(session, id_, ASK)


async def test_processes_are_listed_over_pages_by_filter(
    session: Session, emulated: Emulated
) -> None:
    """A run on the second page would be taken for one that was never started."""
    ids = {await start(session, f"t{n}", "exit 0") for n in range(5)}
    listed = await apps.processes(session, ASK, items_per_page=2)
    assert len(listed) == 5
    assert {process.id for process in listed} == ids
    assert emulated.calls("GET /v1/app/processes/next/{token}") == 2
    [one] = await apps.processes(session, ASK, tags_intersects=["t3", "none"])
    assert one.tags == ("t3",)
    assert await apps.processes(session, ASK, domain="test") == []
    emulated.put("empty-list")
    assert await apps.processes(session, ASK, tags_intersects=["none"]) == []


async def test_processes_are_stopped_and_their_records_kept(
    session: Session, emulated: Emulated
) -> None:
    """A cancel would erase what tells that the run ended, or leave it running."""
    first, second, third = [await start(session, f"t{n}") for n in range(3)]
    assert await apps.stop(session, [first, second], ASK, keep=True)
    for id_ in (first, second):
        process = await apps.process(session, id_, ASK)
        assert process is not None
        assert process.state == "dead"
    assert await apps.stop(session, [second], ASK, keep=False)
    assert await apps.process(session, second, ASK) is None
    assert not await apps.stop(session, [second], ASK, keep=True)
    await apps.stop_all(session, keep=True)
    assert emulated.told()["live"] == []
    assert {it.id for it in await apps.processes(session, ASK)} == {first, third}
    await apps.stop_all(session, keep=False)
    assert await apps.processes(session, ASK) == []


async def test_outputs_and_cost_are_told(session: Session, place: Place) -> None:
    """Results would be missing from what is fetched."""
    script = "for i in $(seq 105); do echo $i > f$i.txt; done"
    run = await place.started(
        place.run("1", {"app": "emulator/shell", "inputs": {"script": script}})
    )
    await place.end(run)
    id_ = str(run.remote_id)
    found = [one.key async for one in apps.outputs(session, id_, ASK)]
    assert len(set(found)) == 105
    chosen = [one.key async for one in apps.outputs(session, id_, ASK, key_endswith="/f7.txt")]
    assert chosen == [f"orchestrator/{run.key}/out/f7.txt"]
    assert await apps.cost(session, id_, ASK) == 0.001


async def test_a_process_without_outputs_lists_none(session: Session, emulated: Emulated) -> None:
    """A run that leaves nothing could never be harvested."""
    id_ = await start(session, "t", "exit 0")
    for fault in ("late-outputs=9", "empty-json,on=*outputs*"):
        emulated.put(fault)
        assert [one async for one in apps.outputs(session, id_, ASK, refresh=True)] == []
