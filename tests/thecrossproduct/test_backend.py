"""Submit, find, poll, cancel and forget: what is believed, and what is not."""

from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.backend import (
    Absent,
    Alive,
    AuthError,
    Finished,
    Found,
    Lost,
    NoAnswer,
    RejectedError,
    Run,
    Several,
    StageStep,
    TransientError,
    Unclear,
)
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps, data, staging
from orchestrator.backends.thecrossproduct import backend as module
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.model import RunTable
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place
from tests.thecrossproduct.conftest import Emulated, shell, until

LIST = "POST /v1/app/processes"
BY_ID = "GET /v1/app/process/{process_id}"
SCHEMA = "GET /v1/app/{domain}/{app}/inputs"
NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def lives(place: Place) -> Run:
    """A run that goes on until it is stopped."""
    return await place.started(place.run("1", place.bodies.sleeps))


def calls_in_all(emulated: Emulated) -> int:
    """Return how many calls there were."""
    return sum(emulated.told()["calls"].values())


# Submit


async def test_a_run_bears_its_key_and_its_own_folder(place: Place, session: Session) -> None:
    """A run could not be found again, or would write over the outputs of another."""
    run = await place.started(place.run("1", {**place.bodies.sleeps, "tags": ["study-7"]}))
    process = await apps.process(session, str(run.remote_id), Use.ASK)
    assert process is not None
    assert process.tags == (run.key, "study-7")
    assert process.model_dump()["body"]["output-prefix"] == f"orchestrator/{run.key}/out"


def test_a_tag_is_never_like_a_key() -> None:
    """A job file could make its run look like another one."""
    with pytest.raises(ValueError, match="begins with orch-"):
        RunTable.model_validate({"app": "a/b", "tags": ["orch-home-1"]})


async def test_a_reference_to_no_input_is_refused_before_anything_is_sent(
    place: Place, emulated: Emulated, tmp_path: Path
) -> None:
    """A person would wait for gigabytes to go over before a slip in his job file is told."""
    run = place.run("1", shell("true", files={"in": {"input": "mesh.inp"}}))
    with pytest.raises(RejectedError, match=r'no input of this job: "mesh.inp"') as caught:
        await place.backend.submit(run)
    assert caught.value.effect == "none"
    with pytest.raises(RejectedError, match="no input of this job"):
        await place.backend.stage(run, StageStep("a", tmp_path / "a", {"a", "b"}))
    assert calls_in_all(emulated) == 0


async def test_a_name_that_the_service_takes_for_a_group_is_refused(
    place: Place, tmp_path: Path
) -> None:
    """A job would be held for a login that is refused, and nobody would know why."""
    with pytest.raises(RejectedError, match="name of a group"):
        await place.backend.stage(place.run("1", shell("true")), StageStep("a@2", tmp_path / "a"))


async def test_wrong_inputs_are_refused_by_name_before_a_start(
    place: Place, emulated: Emulated
) -> None:
    """A run would be started, and paid, that cannot go well."""
    with pytest.raises(RejectedError, match="script: it is needed; `orchestrator remote place"):
        await place.backend.submit(place.run("1", {"app": "emulator/shell", "inputs": {}}))
    assert emulated.told()["starts"] == []


async def test_what_an_app_takes_is_asked_again(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs would be refused by what an app took months ago, until the daemon is restarted."""
    await place.started(place.run("1", shell("true")))
    await place.started(place.run("2", shell("true")))
    assert emulated.calls(SCHEMA) == 1
    emulated.put("error-before=400,times=1,on=*/run")
    with pytest.raises(RejectedError):
        await place.started(place.run("3", shell("true")))
    await place.started(place.run("3", shell("true")))
    assert emulated.calls(SCHEMA) == 2, "after a refusal"
    monkeypatch.setattr(module, "SCHEMA_LIVES", 0.0)
    await place.started(place.run("4", shell("true")))
    assert emulated.calls(SCHEMA) == 3, "after its time"


@pytest.mark.parametrize(
    ("fault", "error", "effect", "starts"),
    [
        ("error-after=502", TransientError, "possible", 1),
        ("drop-after", TransientError, "possible", 1),
        ("html", Exception, "possible", 1),
        ("error-before=400", RejectedError, "none", 0),
        ("licence-used-up", AuthError, "none", 0),
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
    run = place.run("1", place.bodies.sleeps)
    emulated.put(f"{fault},times=1,on=*/run")
    with pytest.raises(error) as caught:
        await place.backend.submit(run)
    assert getattr(caught.value, "effect", None) == effect
    assert len(emulated.starts(run.key)) == starts
    found = await place.backend.find(run)
    assert isinstance(found, Found if starts else Absent)


# Find


async def test_a_run_is_found_only_by_its_own_tag(place: Place, lives: Run) -> None:
    """A run of another job would be taken for this one's."""
    found = await place.backend.find(lives)
    assert isinstance(found, Found)
    assert found.remote_id == lives.remote_id
    assert lives.key in found.evidence
    assert isinstance(await place.backend.find(place.run("2", {})), Absent)


async def test_two_runs_with_one_key_are_for_a_person(
    place: Place, lives: Run, session: Session
) -> None:
    """One of two runs would be taken by chance, the other go on unseen."""
    copy = await apps.run(
        session, "emulator/shell", {"script": "true"}, tags=[lives.key], output_prefix="copy"
    )
    assert await place.backend.find(lives) == Several(tuple(sorted([str(lives.remote_id), copy])))


async def test_a_list_that_lacks_a_known_run_proves_nothing(
    place: Place, lives: Run, emulated: Emulated
) -> None:
    """A run that the list does not show yet would be started a second time."""
    assert isinstance(await place.poll(lives), Alive)
    other = place.run("2", place.bodies.sleeps)
    assert isinstance(await place.backend.find(other), Absent)
    emulated.put("list-lag=60")
    unclear = await place.backend.find(other)
    assert isinstance(unclear, Unclear)
    assert str(lives.remote_id) in unclear.why
    emulated.put("empty-list", "list-lag=60")
    assert isinstance(await place.backend.find(other), Unclear)
    emulated.put()
    assert isinstance(await place.backend.find(other), Absent)


async def test_a_known_run_that_was_erased_holds_nobody_up(
    place: Place, lives: Run, session: Session
) -> None:
    """After somebody erased one record, no other run could be proved absent any more."""
    await place.poll(lives)
    await apps.stop(session, [str(lives.remote_id)], Use.ASK, keep=False)
    assert isinstance(await place.backend.find(place.run("2", {})), Absent)


async def test_a_list_without_tags_proves_nothing(
    place: Place, lives: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that stops telling tags would make every run look absent."""
    real = apps.processes

    async def without(*args: object, **filters: object) -> list[object]:
        listed = await real(*args, **filters)  # type: ignore[arg-type] # passed on
        return [process.model_copy(update={"tags": None}) for process in listed]

    monkeypatch.setattr(apps, "processes", without)
    assert isinstance(await place.backend.find(lives), Unclear)


# Poll


async def test_fifty_runs_take_one_list(place: Place, emulated: Emulated) -> None:
    """The account would be blocked for the calls of a busy day."""
    runs = [await place.started(place.run(str(n), shell("exit 0"))) for n in range(50)]
    before = calls_in_all(emulated)
    answers = await place.backend.poll(runs)
    assert calls_in_all(emulated) - before == 1
    assert set(answers) == {run.key for run in runs}
    assert all(isinstance(it, Alive | Finished) for it in answers.values())


async def test_what_the_list_lacks_is_asked_for_by_its_id(
    place: Place, lives: Run, emulated: Emulated
) -> None:
    """A run that the list does not show would be forgotten."""
    emulated.put("list-lag=60")
    assert isinstance(await place.poll(lives), Alive)
    assert emulated.calls(BY_ID) == 1
    many = [replace(lives, key=f"{lives.key}-{n}") for n in range(20)]
    answers = await place.backend.poll(many)
    assert len(answers) == 20
    assert emulated.calls(BY_ID) == 1 + module.LOOKED_AT_ALONE


async def test_a_record_must_be_gone_for_a_while(
    place: Place, lives: Run, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run would be given up for one odd answer; or watched for ever though it is erased."""
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    await apps.stop(session, [str(lives.remote_id)], Use.ASK, keep=False)
    for _ in range(2):
        assert isinstance(await place.poll(lives), NoAnswer)
    now[0] += module.GONE_AFTER
    lost = await place.poll(lives)
    assert isinstance(lost, Lost)
    assert str(lives.remote_id) in lost.evidence
    assert isinstance(await place.backend.find(lives), Absent)


async def test_one_odd_404_is_forgotten(
    place: Place, lives: Run, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two odd answers, days apart, would give a run up that is alive."""
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    odd = ("list-lag=600", "error-before=404,times=1,on=GET /v1/app/process/*")
    emulated.put(*odd)
    assert isinstance(await place.poll(lives), NoAnswer)
    emulated.put()
    assert isinstance(await place.poll(lives), Alive)
    now[0] += module.GONE_AFTER
    emulated.put(*odd)
    assert isinstance(await place.poll(lives), NoAnswer)


async def test_a_foreign_id_is_never_believed(place: Place, lives: Run, emulated: Emulated) -> None:
    """A run would be given the end of another, or all runs of a poll be left without answers."""
    other = await place.started(place.run("2", place.bodies.sleeps))
    emulated.put(f"foreign-id,on={BY_ID.split(maxsplit=1)[0]} */{lives.remote_id}", "list-lag=60")
    answers = await place.backend.poll([lives, other])
    assert isinstance(answers[lives.key], NoAnswer)
    assert isinstance(answers[other.key], Alive)
    emulated.put("foreign-id")
    answers = await place.backend.poll([lives, other])
    assert [type(answer) for answer in answers.values()] == [NoAnswer, NoAnswer]


async def test_a_process_without_our_tag_is_no_answer(
    place: Place, lives: Run, session: Session
) -> None:
    """A process of somebody else, named by mistake, would end a job."""
    strange = await apps.run(
        session, "emulator/shell", {"script": "exit 0"}, tags=["x"], output_prefix="x"
    )
    answer = await place.poll(replace(lives, remote_id=strange))
    assert isinstance(answer, NoAnswer)
    assert lives.key in answer.why
    assert isinstance(await place.poll(replace(lives, remote_id=None)), NoAnswer)


async def test_an_odd_state_is_alive(place: Place, lives: Run, emulated: Emulated) -> None:
    """A step with a new name would end a run."""
    emulated.put("odd-state=calibrating_7")
    assert await place.poll(lives) == Alive("state calibrating_7")


@pytest.mark.parametrize("fault", ["html", "drop-before"])
async def test_no_answer_changes_nothing(
    place: Place, lives: Run, emulated: Emulated, fault: str
) -> None:
    """Silence would end a run."""
    emulated.put(f"{fault},on={LIST.split(maxsplit=1)[0]} {LIST.split()[1]}")
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which of the errors does not matter
        await place.poll(lives)
    assert getattr(caught.value, "effect", None) == "none"
    emulated.put()
    assert isinstance(await place.poll(lives), Alive)


async def test_a_failure_that_ends_as_dead_is_a_failure(place: Place, emulated: Emulated) -> None:
    """A run that failed would be published as a success."""
    emulated.put("dead-errors")
    end = await place.end(await place.started(place.run("1", place.bodies.fails(3))))
    assert isinstance(end, Finished)
    assert not end.ok
    assert end.reason.startswith("dead: ")


# Cancel


@pytest.mark.parametrize("fault", [[], ["silent-kill"]])
async def test_a_cancel_ends_the_work_and_keeps_the_record(
    place: Place, lives: Run, emulated: Emulated, fault: list[str]
) -> None:
    """A cancelled job would go on and be paid; or be lost; or be published as a success."""

    async def at_work() -> bool:
        return bool(emulated.told()["live"])

    await until(at_work)
    emulated.put(*fault)
    end = await place.end(await place.cancelled(lives))
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, "cancel")
    assert emulated.told()["live"] == []


async def test_a_cancel_of_what_is_gone_is_no_error(place: Place, lives: Run) -> None:
    """A job could never be cancelled once its record was erased."""
    await place.backend.cancel(replace(lives, remote_id=NOBODY))
    with pytest.raises(RejectedError, match="no id"):
        await place.backend.cancel(replace(lives, remote_id=None))


# Forget


async def ended(place: Place, remove: str) -> Run:
    """Run something to its end, with outputs."""
    body = {**shell("echo 1 > a; mkdir b; echo 2 > b/c"), "remove": remove}
    run = await place.started(place.run("1", body))
    await place.end(run)
    return run


@pytest.mark.parametrize(
    ("remove", "stored", "files", "record"),
    [
        ("nothing", True, True, True),
        ("files", True, False, True),
        ("all", True, False, False),
        ("files", False, True, True),
        ("all", False, True, True),
    ],
)
async def test_only_what_the_spec_says_is_removed(
    place: Place, session: Session, remove: str, *, stored: bool, files: bool, record: bool
) -> None:
    """Results would be removed over there that are not stored here, or that the user wants kept."""
    run = replace(await ended(place, remove), stored=stored)
    neighbour = f"orchestrator/{run.key}0/in/x"
    await data.make_folder(session, f"{neighbour}/")
    await place.poll(run)
    await place.backend.forget(run)
    await place.backend.forget(run)

    async def as_it_should() -> bool:
        left = await data.files(session, f"orchestrator/{run.key}/", Use.ASK)
        return bool(left) is files

    await until(as_it_should)
    assert await data.exists(session, f"{neighbour}/", Use.ASK)
    assert (await apps.process(session, str(run.remote_id), Use.ASK) is not None) is record
    assert isinstance(await place.backend.find(place.run("2", {})), Absent)


async def test_a_run_that_is_given_up_leaves_no_upload(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Parts of an upload that nobody goes on with would be kept, and paid, for ever."""
    monkeypatch.setattr(staging, "IN_ONE_GO", 0)
    source = tmp_path / "in"
    source.write_bytes(b"x")
    run = place.run("1", place.bodies.copies("in", "out"))
    act = await place.backend.stage(run, StageStep("in", source))
    await place.reopen()
    await place.backend.forget(replace(run, memo=act.memo or {}))
    await place.backend.forget(replace(run, memo=act.memo or {}))
    assert emulated.calls("POST /v1/data/upload/multipart/abort") == 2
    assert isinstance(place.backend, TheCrossProduct)
