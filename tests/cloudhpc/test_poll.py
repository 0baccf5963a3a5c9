"""How runs stand: few calls for many runs, and no end that is none."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from orchestrator.backend import (
    Alive,
    Answer,
    BackendError,
    Finished,
    Lost,
    NoAnswer,
    QuotaError,
    Run,
)
from orchestrator.backends.cloudhpc import backend as module
from orchestrator.backends.cloudhpc import simulations
from orchestrator.testing.contract import Place
from tests.cloudhpc.conftest import (
    LIST,
    SHORT,
    VIEW,
    Clock,
    calls_of,
    held_at,
    listed,
    shell,
    until,
)
from tests.emulated import Emulated


async def asked(place: Place, emulated: Emulated, runs: Sequence[Run]) -> tuple[int, set[type]]:
    """Ask about runs; return how many pages that took, and the kinds of the answers."""
    before = emulated.calls()
    answers = await place.backend.poll(runs)
    assert set(answers) == {run.key for run in runs}
    return emulated.calls() - before, {type(answer) for answer in answers.values()}


async def test_many_runs_take_one_look(place: Place, emulated: Emulated) -> None:
    """Two runs asked about once a minute would use up an account."""
    runs = [listed(place, emulated, str(n)) for n in range(30)]
    assert await asked(place, emulated, runs) == (2, {Alive}), "25 are on a page"
    assert await asked(place, emulated, runs[:1]) == (2, {Alive}), "all that are followed are seen"


async def test_a_look_that_is_held_goes_on_where_it_was(
    place: Place, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an account of few calls no look would come to its end."""
    emulated.set(page=10)
    run = listed(place, emulated, "1")
    emulated.tell("simulations", folder="of-others", count=45)
    held_at(monkeypatch, simulations, "page", 4)
    with pytest.raises(QuotaError):
        await place.backend.poll([run])
    assert await asked(place, emulated, [run]) == (2, {Alive}), "three pages have been seen"


async def test_pages_without_our_runs_are_left_out(place: Place, emulated: Emulated) -> None:
    """One long run among the many short ones of others would use up an account."""
    emulated.set(page=10)
    old = listed(place, emulated, "1")
    emulated.tell("simulations", folder="of-others", count=95)
    new = listed(place, emulated, "2")
    assert await asked(place, emulated, [old, new]) == (10, {Alive})
    assert await asked(place, emulated, [old, new]) == (2, {Alive})
    emulated.tell("simulations", folder="of-others", count=5)
    assert await asked(place, emulated, [old, new]) == (3, {Alive}), "it was pushed on a page"
    emulated.set(page=7)
    pages, kinds = await asked(place, emulated, [old, new])
    assert kinds == {Alive}, "whatever is known of the pages"
    assert pages <= 15


async def test_runs_of_others_between_ours_are_nobody_s(place: Place, emulated: Emulated) -> None:
    """The end of somebody else's simulation would be ours."""
    emulated.set(page=5)
    runs = []
    for n in range(4):
        runs.append(listed(place, emulated, str(n), status=30))
        emulated.tell("simulations", folder="of-others", count=3, status=60)
    assert await asked(place, emulated, runs) == (4, {Alive})


async def test_an_account_of_few_calls_is_looked_at_seldom(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """The hour's calls would be gone after minutes, and the end of a run be seen an hour late."""
    emulated.set(hourly=100)
    run = listed(place, emulated, "1")
    assert await asked(place, emulated, [run]) == (1, {Alive})
    assert await asked(place, emulated, [run]) == (0, {Alive})
    pace = calls_of(place).door.pace(1)
    assert 60 <= pace <= 120
    clock.now += pace * 0.9
    assert await asked(place, emulated, [run]) == (0, {Alive})
    clock.now += pace * 0.2
    assert await asked(place, emulated, [run]) == (1, {Alive})


async def test_a_run_that_was_submitted_after_the_look_is_alive(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A run would count as missing for the minutes until the list is looked at again."""
    emulated.set(hourly=1000)
    first = await place.started(place.run("1", place.bodies.sleeps))
    clock.now += 1
    assert isinstance(await place.poll(first), Alive)
    clock.now += 1
    second = await place.started(place.run("2", place.bodies.sleeps))
    calls = emulated.calls()
    assert isinstance(await place.poll(second), Alive)
    assert emulated.calls() == calls
    clock.now += 600
    assert isinstance(await place.poll(second), Alive)
    assert emulated.calls(LIST) - calls <= 1


async def test_a_simulation_must_be_gone_for_an_hour_and_be_unknown(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A run would be given up for one odd answer; or watched for ever though it is erased."""
    run = listed(place, emulated, "1")
    gone = replace(run, remote_id="999999")
    for _ in range(2):
        assert isinstance(await place.poll(gone), NoAnswer)
    clock.now += module.GONE_AFTER - 1
    assert isinstance(await place.poll(gone), NoAnswer)
    assert emulated.calls(SHORT) == 0, "a call for each run that is missing is many"
    clock.now += 1
    lost = await place.poll(gone)
    assert isinstance(lost, Lost)
    assert "999999" in lost.evidence
    assert "60 min" in lost.evidence


async def test_what_the_list_lacks_and_the_service_knows_is_not_lost(
    place: Place, emulated: Emulated, clock: Clock
) -> None:
    """A run would be given up for a list that is broken for an hour."""
    run = listed(place, emulated, "1")
    emulated.put("list-lag=600")
    assert isinstance(await place.poll(run), NoAnswer)
    clock.now += module.GONE_AFTER
    answer = await place.poll(run)
    assert isinstance(answer, NoAnswer)
    assert "shows it by its id" in answer.why
    for fault in ("error-before=502", "drop-before", "html", "forbidden", "error-before=429"):
        emulated.put("list-lag=600", f"{fault},times=1,on=GET */view-short/*")
        assert isinstance(await place.poll(run), NoAnswer), fault


async def test_one_odd_look_is_forgotten(place: Place, emulated: Emulated, clock: Clock) -> None:
    """Two odd answers, days apart, would give a run up that is alive."""
    run = listed(place, emulated, "1")
    emulated.put("empty-page")
    assert isinstance(await place.poll(run), NoAnswer)
    emulated.put()
    assert isinstance(await place.poll(run), Alive)
    clock.now += module.GONE_AFTER
    emulated.put("empty-page")
    assert isinstance(await place.poll(replace(run, remote_id="999999")), NoAnswer)


@pytest.mark.parametrize("id_", [None, "", "abc", "7x", "-1", "٣", "9" * 5000])
async def test_an_id_that_is_none_costs_the_others_nothing(
    place: Place, emulated: Emulated, id_: str | None
) -> None:
    """One slip of who adopted a run would stop the account, or end the jobs of all others."""
    run = listed(place, emulated, "1")
    odd = place.run("2", {}, remote_id=id_)
    answers = await place.backend.poll([odd, run])
    assert isinstance(answers[run.key], Alive)
    answer = answers[odd.key]
    assert isinstance(answer, NoAnswer)
    assert "no id of a simulation" in answer.why


async def test_a_simulation_in_another_folder_is_no_answer(
    place: Place, emulated: Emulated
) -> None:
    """A simulation of somebody else, named by mistake, would end a job."""
    other = listed(place, emulated, "1", status=10)
    answer = await place.poll(place.run("2", {}, remote_id=other.remote_id))
    assert isinstance(answer, NoAnswer)
    assert "another folder" in answer.why


async def test_a_foreign_id_is_never_believed(place: Place, emulated: Emulated) -> None:
    """A run would be given the end of another."""
    ended = listed(place, emulated, "1", status=10)
    lives = listed(place, emulated, "2")
    emulated.put("foreign-id,on=GET */view/*")
    answers = await place.backend.poll([ended, lives])
    assert [type(answers[run.key]) for run in (ended, lives)] == [NoAnswer, Alive]
    emulated.tell("simulations", folder="of-others", count=20)
    emulated.put("foreign-id")
    with pytest.raises(BackendError) as caught:
        await place.backend.poll([ended, lives])
    assert caught.value.effect == "none"


async def test_an_odd_status_is_alive(place: Place, emulated: Emulated) -> None:
    """A state with a new name would end a run."""
    run = listed(place, emulated, "1")
    emulated.put("odd-status")
    assert await place.poll(run) == Alive("status 70")


async def test_an_end_must_be_one_by_the_id_as_well(place: Place, emulated: Emulated) -> None:
    """A list that is ahead of the record would end a run without its output."""
    odd = listed(place, emulated, "1", status=10)
    emulated.put("error-before=503,on=GET */view/*")
    answer = await place.poll(odd)
    assert isinstance(answer, NoAnswer)
    assert "COMPLETED" in answer.why
    emulated.put()
    assert isinstance(await place.poll(odd), Finished)


async def test_many_ends_at_once_are_asked_for_little_by_little(
    place: Place, emulated: Emulated
) -> None:
    """An hour's calls would be gone for the ends of one night; or an end never be told."""
    runs = [listed(place, emulated, str(n), status=10) for n in range(12)]
    answers = await place.backend.poll(runs)
    ends = [run for run in runs if isinstance(answers[run.key], Finished)]
    assert (len(ends), emulated.calls(VIEW)) == (module.ENDS_AT_ONCE, 10)
    rest = [run for run in runs if run not in ends]
    assert await asked(place, emulated, rest) == (3, {Finished})
    await place.backend.poll(runs)
    assert emulated.calls(VIEW) == 12, "what is known is not asked for again"


async def ended(place: Place, script: str, **table: object) -> Answer:
    """Run a script to its end."""
    run = place.run(str(len(script)), shell(script, **table))
    return await place.end(await place.started(run))


async def test_the_output_tells_how_it_ended(place: Place) -> None:
    """A failed solver would be published as a success: the service calls both COMPLETED."""
    end = await ended(place, "date > date; exit 3")
    assert isinstance(end, Finished)
    assert (end.ok, end.exit_code) == (False, None)
    assert 'COMPLETED, but its output says "@@@ ERROR: custom-script-u24 exit code 3"' in end.reason
    killed = await ended(place, "date > date; kill -9 $$")
    assert isinstance(killed, Finished)
    assert not killed.ok
    assert "KILLED BY SIGNAL: 9" in killed.reason


@pytest.mark.parametrize(
    ("table", "ok"),
    [
        ({}, True),
        ({"success": "Job finished"}, True),
        ({"success": "Job done"}, False),
        ({"failure": ["*** WARNING"]}, False),
    ],
)
async def test_the_spec_names_what_success_is(
    place: Place, table: dict[str, object], *, ok: bool
) -> None:
    """A solver with other words could not be judged."""
    end = await ended(place, "echo '*** WARNING'; echo Job finished; date > a", **table)
    assert isinstance(end, Finished)
    assert end.ok is ok


async def test_an_error_of_the_service_is_a_failure(place: Place, emulated: Emulated) -> None:
    """A run that failed would be published as a success."""
    emulated.put("ends-in-error")
    end = await ended(place, "echo last words; date > a")
    assert isinstance(end, Finished)
    assert (end.ok, end.reason) == (False, 'ERROR: "last words"')


async def test_a_spot_run_that_begins_anew_is_the_same_run(
    place: Place, emulated: Emulated
) -> None:
    """A machine that is taken away would end a job, or start it twice."""
    emulated.put("spot-restart=1000,times=1")
    gate = place.directory.with_name("gate")
    script = f"echo > begun; until [ -e {gate} ]; do sleep 0.01; done; date > date"
    run = await place.started(place.run("1", shell(script, spot=True)))
    root = place.directory.with_name("service")
    await until(lambda: bool(list(root.glob("work/**/begun"))))
    emulated.pass_time(1001)
    await until(lambda: "spot-restart" in emulated.told()["fired"])
    gate.touch()
    end = await place.end(run)
    assert isinstance(end, Finished)
    assert end.ok
    assert emulated.told()["fired"]["spot-restart"] == 1
    assert b"begun anew" in (await place.outputs(run, log=True))["logs.log"]
    assert len(emulated.starts(run.key)) == 1


async def test_a_stop_by_the_service_says_why(place: Place, emulated: Emulated) -> None:
    """A run that was cut short would be published as a success; or nobody know why it ended."""
    emulated.set(stopping=0)
    emulated.put("disk-full=0")
    end = await ended(place, "date > date; exec sleep 1000")
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, None)
    assert "STOPPED, by the service, for its disk was full" in end.reason


async def test_silence_changes_nothing(place: Place, emulated: Emulated) -> None:
    """Silence would end a run."""
    run = listed(place, emulated, "1")
    for fault in ("html", "drop-before", "error-before=500", "empty-json"):
        emulated.put(f"{fault},times=1")
        with pytest.raises(BackendError) as caught:
            await place.poll(run)
        assert caught.value.effect == "none"
        assert isinstance(await place.poll(run), Alive)
