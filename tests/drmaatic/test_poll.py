"""How runs stand: few calls for many runs, and no end that is none."""

from dataclasses import replace
from uuid import uuid4

import pytest

from orchestrator.backend import Alive, BackendError, Finished, Lost, NoAnswer, Run
from orchestrator.backends.drmaatic import service
from orchestrator.backends.drmaatic import watching as module
from orchestrator.backends.http import Use
from orchestrator.testing.contract import Place
from tests.drmaatic.conftest import DONE, RUNS, Clock, drmaatic, entry, listed, today
from tests.emulated import Emulated

FEW = "100/d"


async def test_many_runs_take_one_call(place: Place, emulated: Emulated, year: str) -> None:
    """Twenty runs asked about every two minutes would use up an account."""
    runs = [listed(place, emulated, str(number)) for number in range(10)]
    await place.backend.poll(runs)  # which finds out the dialect
    before = emulated.calls()
    answers = await place.backend.poll(runs)
    assert answers == {run.key: Alive("job is running") for run in runs}
    assert emulated.calls() - before == 1
    emulated.tell("runs", description="of others", count=service.PAGE_SIZE)
    before = emulated.calls()
    assert await place.backend.poll(runs) == answers
    assert emulated.calls() - before == (1 if year == "2025" else 2)


async def test_a_run_behind_many_newer_ones_is_asked_for_alone(
    place: Place, emulated: Emulated
) -> None:
    """A run of days would cost a call for every fifty that came after it, at each look."""
    run = listed(place, emulated, "1")
    await place.poll(run)
    emulated.tell("runs", description="of others", count=4 * service.PAGE_SIZE)
    before = emulated.calls()
    assert await place.poll(run) == Alive("job is running")
    assert emulated.calls() - before <= 2


@today
async def test_an_account_of_few_calls_is_asked_seldom_and_told_so(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A day's calls would be gone in an hour; or a failure be believed that came unseen."""
    place.options = place.options.model_copy(update={"calls": FEW})
    await place.reopen()
    run = listed(place, emulated, "1")
    for _ in range(3):
        answer = await place.poll(run)
        assert isinstance(answer, Alive)
        assert "its files will tell" in answer.detail
    calls = emulated.calls("GET /job/")
    pace = drmaatic(place).service.door.pace(1)
    assert 600 < pace < 7200
    clock.now += pace * 0.5
    await place.poll(run)
    assert emulated.calls("GET /job/") == calls
    clock.now += pace
    assert isinstance(await place.poll(run), Alive)
    assert emulated.calls("GET /job/") == calls + 1


async def test_a_sentence_that_nobody_knows_is_no_end(place: Place, emulated: Emulated) -> None:
    """A state of a later release would end a run that goes on."""
    odd = listed(place, emulated, "1", status="job finished, perhaps")
    run = listed(place, emulated, "2")
    answers = await place.backend.poll([odd, run])
    assert answers[run.key] == Alive("job is running")
    answer = answers[odd.key]
    assert isinstance(answer, NoAnswer)
    assert "no state that is known" in answer.why


async def test_a_run_that_stays_received_is_for_a_person(
    place: Place, emulated: Emulated, clock: Clock, year: str
) -> None:
    """A dead submission would be watched for ever."""
    run = listed(place, emulated, "1", status=f"{RUNS[year]} has been received from the ws")
    for wait in (0, 890):
        clock.now += wait
        assert isinstance(await place.poll(run), Alive)
    clock.now += 20
    lost = await place.poll(run)
    assert isinstance(lost, Lost)
    assert "15 min: the submission hangs" in lost.evidence


async def test_a_run_must_be_gone_for_a_while(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A run would be given up for one odd answer; or watched for ever though it is deleted."""
    run = listed(place, emulated, "1")
    await drmaatic(place).service.delete(str(run.remote_id), Use.ASK)
    unknown = place.run("2", entry("sleep"), remote_id=str(uuid4()))
    for wait in (0, module.GONE_AFTER - 1):
        clock.now += wait
        answers = await place.backend.poll([run, unknown])
        assert {type(it) for it in answers.values()} == {NoAnswer}
    clock.now += 1
    for answer in (await place.backend.poll([run, unknown])).values():
        assert isinstance(answer, Lost)
        assert "for 10 min: somebody deleted it" in answer.evidence


@today
async def test_one_odd_answer_is_forgotten(place: Place, emulated: Emulated, clock: Clock) -> None:
    """Two odd answers, days apart, would give a run up that is alive."""
    run = listed(place, emulated, "1")
    emulated.put("list-lag=60", f"error-before=404,on=GET /job/{run.remote_id}/")
    assert isinstance(await place.poll(run), NoAnswer)
    emulated.put()
    clock.now += module.GONE_AFTER
    assert isinstance(await place.poll(run), Alive)
    emulated.put("list-lag=60", f"error-before=404,on=GET /job/{run.remote_id}/")
    assert isinstance(await place.poll(run), NoAnswer)


async def test_somebody_else_s_run_is_no_end(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A slip of who adopted a run would end a job by a colleague's run."""
    other = listed(place, emulated, "1", owner="bob", status=DONE)
    for _ in range(2):
        answer = await place.poll(other)
        assert isinstance(answer, NoAnswer)
        assert "belongs to another account" in answer.why
        clock.now += module.GONE_AFTER


@today
async def test_an_id_that_is_none_costs_the_others_nothing(
    place: Place, emulated: Emulated
) -> None:
    """One slip of who adopted a run would stop the account: the service answers 500 to all."""
    run = listed(place, emulated, "1")
    for id_ in (None, "", "abc", "7e3c6b37-8677-4942-aca3-27fed202daf"):
        odd = place.run("2", {}, remote_id=id_)
        answers = await place.backend.poll([odd, run])
        assert isinstance(answers[run.key], Alive)
        answer = answers[odd.key]
        assert isinstance(answer, NoAnswer)
        assert "no UUID" in answer.why
        assert "hold the job" in answer.why, "what to do about it"
        odd = replace(odd, stopping=True)
        assert isinstance((await place.backend.poll([odd]))[odd.key], Lost), "a cancel ends"


@today
async def test_a_uuid_in_capitals_names_the_same_run(place: Place, emulated: Emulated) -> None:
    """A run that a person adopted would be asked about by a name that no reply has, for good."""
    run = listed(place, emulated, "1", status=DONE)
    adopted = replace(run, remote_id=str(run.remote_id).upper())
    assert await place.poll(adopted) == await place.poll(run)
    assert isinstance(await place.poll(adopted), Finished)
    names = [one.name for one in await place.backend.list_outputs(adopted)]
    assert "job.json" in names


async def test_a_uuid_of_another_is_never_believed(
    place: Place, emulated: Emulated, year: str
) -> None:
    """A run would be given the end of another."""
    runs = [listed(place, emulated, "1", status=DONE), listed(place, emulated, "2")]
    emulated.put("wrong-uuid")
    answers = await place.backend.poll(runs)
    assert {type(it) for it in answers.values()} == {NoAnswer}
    emulated.put(f"wrong-uuid,on=GET /{RUNS[year]}/")
    answers = await place.backend.poll(runs)
    assert [type(answers[run.key]) for run in runs] == [Finished, Alive]


@today
async def test_what_the_list_lacks_is_asked_for_alone_and_not_all_at_once(
    place: Place, emulated: Emulated
) -> None:
    """A list that is behind would end runs, or one poll cost an hour's calls."""
    runs = [listed(place, emulated, str(number)) for number in range(12)]
    emulated.put("list-lag=60")
    answers = await place.backend.poll(runs)
    kinds = [type(answers[run.key]) for run in runs]
    assert kinds == [Alive] * module.SINGLES_AT_ONCE + [NoAnswer] * 2
    assert emulated.calls("GET /job/{uuid}/") == module.SINGLES_AT_ONCE
    rest = await place.backend.poll(runs[-2:])
    assert {type(it) for it in rest.values()} == {Alive}


@today
async def test_one_run_s_trouble_is_its_own(place: Place, emulated: Emulated) -> None:
    """One run whose files cannot be listed would keep the ends of all others from being told."""
    table = entry("sleep", proof=["a"])
    bad, good = (replace(listed(place, emulated, key, status=DONE), options=table) for key in "12")
    emulated.put(f"error-before=503,on=GET /job/{bad.remote_id}/file/")
    answers = await place.backend.poll([bad, good])
    assert isinstance(answers[bad.key], NoAnswer)
    assert answers[good.key] == Alive(f"{DONE}; what proves success is waited for: a")


@today
async def test_silence_changes_nothing(place: Place, emulated: Emulated, lives: Run) -> None:
    """Silence, such as of a cluster that is down, would end a run."""
    for fault in ("html", "drop-before", "error-before=500", "controller-down=0"):
        emulated.put(fault)
        with pytest.raises(BackendError) as caught:
            await place.poll(lives)
        assert caught.value.effect == "none", fault
        emulated.put()
        assert isinstance(await place.poll(lives), Alive), fault
    await place.cancelled(lives)
