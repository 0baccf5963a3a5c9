"""Starting a run: what is sent, what is refused before, and what is known after."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backend import (
    Absent,
    BackendError,
    Found,
    Input,
    ProtocolError,
    QuotaError,
    RejectedError,
    Run,
    TransientError,
    Unclear,
)
from orchestrator.backends.drmaatic import KIND
from orchestrator.backends.drmaatic.dialect import NEW, OLD
from orchestrator.backends.drmaatic.model import Options, RunTable
from orchestrator.backends.drmaatic.submitting import description, form
from orchestrator.backends.http import Field, Use
from orchestrator.core.spec import Outputs
from orchestrator.testing.contract import Place, open_place
from tests.drmaatic.conftest import (
    BODIES,
    DONE,
    RUNNING,
    RUNS,
    Clock,
    drmaatic,
    entry,
    listed,
    shell,
    today,
)
from tests.emulated import Emulated
from tests.http.rogue import answer, rogue

PARENT = "7e3c6b37-8677-4942-aca3-27fed202daf7"


def posts(emulated: Emulated, year: str = "2025") -> int:
    """Return how many submits there were."""
    return emulated.calls(f"POST /{RUNS[year]}/")


async def record(place: Place, run: Run) -> dict[str, Any]:
    """Return what the service says of a run."""
    found = await drmaatic(place).service.get(str(run.remote_id), Use.ASK)
    assert found is not None
    return found.facts()


@pytest.mark.parametrize("words", [NEW, OLD])
def test_what_names_the_task_comes_last(words: Any, tmp_path: Path) -> None:
    """A connection that breaks would begin a run with half of its input, or with none."""
    table = RunTable(
        task="t", parameters={"a": (1, 2)}, files={"f": ("x.1", "sub/y.2")}, parent=PARENT
    )
    inputs = {name: Input(tmp_path, 1, "0") for name in ("x.1", "sub/y.2")}
    run = Run("key", "j", "n", 1, {}, Outputs(), inputs=inputs, after=("u1", "u2"))
    parts = form(words, run, table)
    assert [(it.name, it.value if isinstance(it, Field) else it.filename) for it in parts] == [
        (words.description, "n key"),
        (words.parent, PARENT),
        ("dependencies", "u1,u2"),
        ("dependency_type", "afterok"),
        ("a", "1"),
        ("a", "2"),
        ("f", "x.1"),
        ("f", "y.2"),
        (words.task, "t"),
    ]
    assert isinstance(parts[-1], Field)


def test_the_longest_name_of_a_job_fits() -> None:
    """The service answers 500 to a description over 200 characters, and keeps a row of it."""
    key = f"orch-{'x' * 20}-{'0' * 40}"
    assert len(description(Run(key, "j", "n" * 64, 1, {}, Outputs()))) <= 200


async def test_all_that_the_job_names_arrives(place: Place) -> None:
    """A run would compute with one of two files, or without a parameter that was given twice."""
    script = b'for it in "$@"; do echo "<$it>"; done > args; cat data_0.a data_1.a.b > both'
    body = entry(
        "shell",
        {"run.sh": script, "one.a": b"1", "sub/two.a.b": b"2"},
        files={"script": "run.sh", "data": ["one.a", "sub/two.a.b"]},
        parameters={"argument": ["x", "y z", "ä\n"]},
    )
    run = await place.started(place.run("1", body))
    await place.end(run)
    assert await place.outputs(run) == {"args": "<x>\n<y z>\n<ä\n>\n".encode(), "both": b"12"}
    told = json.loads((await place.outputs(run, log=True))["job.json"])
    assert told["files_name"] == {
        "script.sh": "run.sh",
        "data_0.a": "one.a",
        "data_1.a.b": "two.a.b",
    }
    assert told["description"] == description(run)


@today
async def test_a_switch_is_there_or_left_out(place: Place) -> None:
    """A switch that is off would be taken for on."""
    on, off = (
        entry("echo-file", {"i.t": b""}, files={"input_file": "i.t"}, parameters={"verbose": it})
        for it in (True, False)
    )
    for key, body, there in (("1", on, True), ("2", off, False)):
        run = await place.started(place.run(key, body))
        names = [one["name"] for one in (await record(place, run))["params"]]
        assert ("verbose" in names) is there


SLIPS: dict[str, dict[str, Any]] = {
    'no "shel"; did you mean "shell"?.*orchestrator remote place catalogue': {"task": "shel"},
    'parameters.argumen: no such parameter; did you mean "a': {"parameters": {"argumen": 1}},
    "files.script is missing: the service requires it": {"files": {"data": "run.sh"}},
    'files.script: there is no input "no.sh"': {"files": {"script": "no.sh"}},
}


async def test_a_slip_is_refused_before_anything_is_sent(
    place: Place, emulated: Emulated, year: str
) -> None:
    """A slip would cost an upload and credit; or a run begin without what was misspelled."""
    for says, more in SLIPS.items():
        run = place.run("1", shell("true"), more)
        for act in (place.ready, place.backend.submit):
            with pytest.raises(RejectedError, match=says) as caught:
                await act(run)
            assert caught.value.effect == "none"
    assert posts(emulated, year) == 0


@today
async def test_jobs_that_come_together_ask_the_catalogue_once(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """Each job of a hundred would cost a call more; or a change of the catalogue never be seen."""
    for number in range(3):
        await place.started(place.run(str(number), shell("true")))
    asks = "GET /task/{name}/"
    assert emulated.calls(asks) == 1
    clock.now += 600
    await place.started(place.run("4", shell("true")))
    assert emulated.calls(asks) == 2


@today
async def test_a_child_works_in_its_parent_s_directory(place: Place) -> None:
    """A chain of runs would not find what the first has left."""
    parent = await place.started(place.run("1", shell("echo mesh > mesh")))
    await place.end(parent)
    child = await place.started(place.run("2", shell("cp mesh copy", parent=parent.remote_id)))
    await place.end(child)
    assert (await place.outputs(child))["copy"] == b"mesh\n"
    assert (await record(place, parent))["descendants"] == [child.remote_id]


async def test_what_comes_before_is_told_to_the_service(
    place: Place, emulated: Emulated, year: str, lives: Run
) -> None:
    """A solver would start beside its mesh; or behind a run that the cluster has forgotten."""
    ended = listed(place, emulated, "3", status=DONE)
    run = await place.ready(place.run("2", shell("true")))
    behind = replace(run, after=(str(lives.remote_id),))
    before = posts(emulated, year)
    for gone in (str(ended.remote_id), PARENT):
        with pytest.raises(TransientError, match=f"{gone}.* is looked at first") as caught:
            await place.backend.submit(replace(run, after=(str(lives.remote_id), gone)))
        assert caught.value.effect == "none"
    assert posts(emulated, year) == before
    submitted = await place.submit(behind)
    told = await record(place, replace(run, remote_id=submitted.remote_id))
    assert (told["depends_on"], told["dependency_type"]) == ([lives.remote_id], "afterok")
    await place.cancelled(lives)


@today
async def test_a_task_that_is_too_dear_waits_alone(place: Place, emulated: Emulated) -> None:
    """A job would be tried at every wake, or for ever; and meanwhile no other be looked at."""
    emulated.set(credit=70, credit_every=30)
    lives = listed(place, emulated, "9")
    await place.started(place.run("1", entry("expensive")))
    dear = place.run("2", entry("expensive"))
    with pytest.raises(QuotaError) as caught:
        await place.backend.submit(dear)
    assert caught.value.effect == "none"
    assert 20 <= (caught.value.retry_after or 0) <= 30, "the next refill"
    assert isinstance(await place.backend.find(dear), Absent), "other calls go on"
    for _ in range(2):
        with pytest.raises(QuotaError, match="costs 60 CPU credits, and 10 are left") as caught:
            await place.backend.submit(dear)
        assert 1400 <= (caught.value.retry_after or 0) <= 1500
    assert posts(emulated) == 2, "what is refused costs credit, too"
    await place.poll(lives)
    emulated.pass_time(1501)
    assert (await place.submit(dear)).remote_id == emulated.starts(dear.key)[0]
    emulated.set(credit=50)
    with pytest.raises(QuotaError):
        await place.backend.submit(dear)
    with pytest.raises(RejectedError, match="more than this account can ever have"):
        await place.backend.submit(dear)


@today
async def test_a_refusal_that_names_no_time_is_held_back_all_the_same(
    place: Place, emulated: Emulated
) -> None:
    """A job would fail because the service has no header for a wait of nothing."""
    run = await place.ready(place.run("1", shell("true")))
    emulated.put("too-many,on=POST *")
    with pytest.raises(QuotaError) as caught:
        await place.backend.submit(run)
    assert (caught.value.effect, caught.value.retry_after) == ("none", None)
    emulated.put()
    await place.backend.submit(run)


@today
async def test_an_input_that_changed_is_not_sent(
    place: Place, emulated: Emulated, tmp_path: Path
) -> None:
    """A run would compute from a file that nobody has accepted."""
    source = tmp_path / "deck"
    source.write_bytes(b"geometry")
    run, _ = await place.staged(
        place.run("1", place.bodies.copies("in.dat", "o")), "in.dat", source
    )
    run = await place.ready(run)
    source.write_bytes(b"Geometry")
    with pytest.raises(BackendError) as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"
    assert isinstance(await place.backend.find(run), Absent)
    assert emulated.starts(run.key) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({}, None),
        ({"job_description": "job another"}, "it does not carry the run's key"),
        ({"task": "fail"}, 'it runs "fail", not "sleep"'),
        ({"params": []}, 'parameter "seconds" was not taken as "1"'),
    ],
)
async def test_what_the_service_began_otherwise_is_not_taken_for_ours(
    tmp_path: Path, more: dict[str, Any], says: str | None
) -> None:
    """The result of another run, or of other parameters, would be published as the job's."""
    there: list[bytes] = []
    seconds = {"name": "seconds", "type": "int", "value": "1"}
    looks = json.dumps({"name": "sleep", "param": [seconds]}).encode()
    with rogue(lambda it: it.send(answer(looks if it.head.startswith(b"GET") else there[0]))) as at:
        options = Options.model_validate({"url": at.url, "dialect": "2025"})
        async with open_place(KIND, options, tmp_path / "place", BODIES) as place:
            run = place.run("1", entry("sleep", parameters={"seconds": 1}))
            told = {"uuid": PARENT, "task": "sleep", "status": RUNNING, "params": [seconds]}
            there.append(json.dumps({**told, "job_description": description(run), **more}).encode())
            if says is None:
                assert (await place.submit(run)).remote_id == PARENT
                return
            with pytest.raises(ProtocolError, match=says) as caught:
                await place.backend.submit(run)
            assert caught.value.effect == "possible"


STRUCK: dict[str, tuple[type[BackendError], str, int]] = {
    "controller-down=0": (TransientError, "possible", 0),
    "stays-received": (TransientError, "possible", 0),
    "error-after=502": (TransientError, "possible", 1),
    "drop-after": (TransientError, "possible", 1),
    "html": (ProtocolError, "possible", 1),
    "redirect": (ProtocolError, "possible", 0),
    "error-before=406": (RejectedError, "none", 0),
}


async def test_of_many_faults_of_a_job_some_are_told(tmp_path: Path) -> None:
    """A catalogue that asks for thousands of parameters would fill the screen and the queue."""
    param = [{"name": f"p{n}", "required": True} for n in range(100)]
    looks = json.dumps({"name": "sleep", "param": param}).encode()
    with rogue(lambda it: it.send(answer(looks))) as at:
        options = Options.model_validate({"url": at.url, "dialect": "2025"})
        async with open_place(KIND, options, tmp_path / "place", BODIES) as place:
            with pytest.raises(RejectedError, match=r"; and 80 more$"):
                await place.backend.submit(place.run("1", entry("sleep")))


@today
async def test_what_the_service_says_it_began_is_not_begun_again(
    place: Place, emulated: Emulated
) -> None:
    """A service that changes descriptions would start the same job anew every five minutes."""
    run = await place.ready(place.run("1", shell("true")))
    emulated.put("other-description,on=POST *")
    with pytest.raises(ProtocolError) as caught:
        await place.backend.submit(run)
    finding = await place.backend.find(run)
    assert isinstance(finding, Unclear)
    assert str(caught.value) in finding.why, "a person learns which run to look at"
    await place.backend.forget(run)
    assert isinstance(await place.backend.find(run), Absent), "it is kept for good"


@today
async def test_a_submit_without_an_answer_may_have_started(
    place: Place, emulated: Emulated
) -> None:
    """A run would be started twice."""
    for number, (fault, (error, effect, starts)) in enumerate(STRUCK.items()):
        run = await place.ready(place.run(str(number), shell("true")))
        emulated.put(f"{fault},on=POST *")
        with pytest.raises(error) as caught:
            await place.backend.submit(run)
        assert caught.value.effect == effect, fault
        emulated.put()
        assert len(emulated.starts(run.key)) == starts, fault
        row = starts or "controller" in fault or "received" in fault
        assert isinstance(await place.backend.find(run), Found if row else Absent), fault
