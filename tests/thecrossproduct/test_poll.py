"""How runs stand, and how they are stopped."""

from dataclasses import replace

import pytest

from orchestrator.backend import (
    Absent,
    Alive,
    Finished,
    Lost,
    NoAnswer,
    RejectedError,
    Run,
)
from orchestrator.backends.http import Use
from orchestrator.backends.thecrossproduct import apps
from orchestrator.backends.thecrossproduct import backend as module
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.testing.contract import Place
from tests.emulated import Emulated
from tests.thecrossproduct.conftest import shell, until

LIST = "POST /v1/app/processes"
BY_ID = "GET /v1/app/process/{process_id}"
NOBODY = "00000000-0000-4000-8000-000000000000"


async def test_fifty_runs_take_one_list(place: Place, emulated: Emulated) -> None:
    """The account would be blocked for the calls of a busy day."""
    runs = [await place.started(place.run(str(n), shell("exit 0"))) for n in range(50)]
    before = emulated.calls()
    answers = await place.backend.poll(runs)
    assert emulated.calls() - before == 1
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


@pytest.mark.parametrize("after", [[], ["list-lag=600"]])
async def test_one_odd_404_is_forgotten(
    place: Place,
    lives: Run,
    emulated: Emulated,
    monkeypatch: pytest.MonkeyPatch,
    after: list[str],
) -> None:
    """Two odd answers, days apart, would give a run up that is alive."""
    now = [100.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])
    odd = ("list-lag=600", "error-before=404,times=1,on=GET /v1/app/process/*")
    emulated.put(*odd)
    assert isinstance(await place.poll(lives), NoAnswer)
    emulated.put(*after)
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


@pytest.mark.parametrize("fault", [[], ["silent-kill"]])
async def test_a_cancel_ends_the_work_and_keeps_the_record(
    place: Place, lives: Run, session: Session, emulated: Emulated, fault: list[str]
) -> None:
    """A cancelled job would go on and be paid; or be lost; or be published as a success."""

    async def at_work() -> bool:
        return bool(emulated.told()["live"])

    await until(at_work)
    emulated.put(*fault)
    stopped = await place.cancelled(lives)
    assert await apps.process(session, str(lives.remote_id), Use.ASK) is not None
    end = await place.end(stopped)
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, "cancel")
    assert emulated.told()["live"] == []


async def test_a_process_that_is_not_ours_is_never_ended(place: Place, lives: Run) -> None:
    """A person who adopted the wrong run would end a colleague's, and erase its record."""
    body = {**place.bodies.sleeps, "remove": "all"}
    wrong = place.run("99", body, remote_id=lives.remote_id, stored=True)
    with pytest.raises(RejectedError, match="does not carry the tag"):
        await place.cancelled(wrong)
    with pytest.raises(RejectedError, match="does not carry the tag"):
        await place.backend.forget(wrong)
    assert isinstance(await place.poll(lives), Alive)
    await place.end(await place.cancelled(lives))


async def test_a_cancel_of_what_is_gone_is_no_error(place: Place, lives: Run) -> None:
    """A job could never be cancelled once its record was erased."""
    await place.backend.cancel(replace(lives, remote_id=NOBODY))
    with pytest.raises(RejectedError, match="no id"):
        await place.backend.cancel(replace(lives, remote_id=None))
