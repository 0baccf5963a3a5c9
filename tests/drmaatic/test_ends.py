"""How runs end, and the six things that a client of this service must guard against."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import JsonValue

from orchestrator.backend import Alive, Finished, Found, Lost, RejectedError, Run, TransientError
from orchestrator.backends.drmaatic import sightings
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.backends.http import Use
from orchestrator.core.spec import Outputs
from orchestrator.testing.contract import Place
from orchestrator.testing.contract.place import LOOK_EVERY
from tests.drmaatic.conftest import (
    DONE,
    FAILED,
    Clock,
    drmaatic,
    entry,
    listed,
    shell,
    today,
)
from tests.emulated import Emulated

AGE = 300.0  # seconds in which the cluster knows how a run ended
OUTS = ["out_1.txt", "out_2.txt", "out_3.txt", "out_4.txt"]


async def until(true: Callable[[], bool]) -> None:
    """Wait for what happens over there without our asking."""
    with anyio.fail_after(60):
        while not true():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(LOOK_EVERY)


async def over(emulated: Emulated, run: Run) -> None:
    """Wait until a run has ended over there, without asking the service about it."""

    def is_over() -> bool:
        jobs = emulated.told()["jobs"]
        return not {"PENDING", "RUNNING"} & {
            it["state"] for it in jobs if it["run"] == run.remote_id
        }

    await until(is_over)


async def gated(place: Place, then: str, **more: Any) -> Run:
    """Start a run that goes on until `let_go`, and then does something."""
    gate = place.directory.with_name("gate")
    script = f"until [ -e '{gate}' ]; do sleep 0.01; done; {then}"
    run = await place.started(place.run("1", shell(script), **more))
    assert isinstance(await place.poll(run), Alive)
    return run


async def let_go(place: Place, emulated: Emulated, run: Run) -> None:
    """Let a gated run end, unseen."""
    place.directory.with_name("gate").touch()
    await over(emulated, run)


def pass_time(emulated: Emulated, clock: Clock, seconds: float) -> None:
    """Let time pass, here and over there."""
    emulated.pass_time(seconds)
    clock.now += seconds


class TestGuard1Arrays:
    """The service tells how the last element of an array ended, and of no other."""

    async def test_the_files_decide(self, place: Place, emulated: Emulated, clock: Clock) -> None:
        """An array would be published with one of its elements failed, or still at work."""
        good = entry("arr", proof=OUTS)
        end = await place.end(await place.started(place.run("1", good)))
        assert end == Finished(ok=True, reason=f"{DONE}; the files that prove success are there")
        bad = entry("arr", parameters={"failat": 2}, proof=[*OUTS, "sum_2.txt"])
        run = await place.started(place.run("2", bad))
        await over(emulated, run)
        assert await place.poll(run) == Alive(
            f"{DONE}; what proves success is waited for: sum_2.txt"
        )
        clock.now += 61
        end = await place.end(run)
        assert end == Finished(ok=False, reason=f"{DONE}; no file fits sum_2.txt")

    @today
    async def test_an_array_without_proof_is_refused_where_that_is_told(
        self, place: Place, emulated: Emulated, tmp_path: Path
    ) -> None:
        """Somebody would rely on the word for one element."""
        place.secrets["drmaatic"] = (tmp_path / "service/tokens/admin").read_text()
        await place.reopen()
        with pytest.raises(RejectedError, match="proof is missing: this is an array"):
            await place.backend.submit(place.run("1", entry("arr")))
        assert emulated.starts("") == []


class TestGuard2MinJobAge:
    """Once the cluster has forgotten a run, the service calls it a success."""

    @pytest.mark.parametrize(("code", "said"), [(0, DONE), (3, FAILED)])
    async def test_an_end_that_is_seen_in_time_is_believed(
        self, place: Place, emulated: Emulated, clock: Clock, code: int, said: str
    ) -> None:
        """Every job without `proof` would wait for a person."""
        run = await gated(place, f"exit {code}")
        pass_time(emulated, clock, 2 * AGE)
        await place.poll(run)
        await let_go(place, emulated, run)
        pass_time(emulated, clock, AGE - sightings.SLOWEST - 10)
        assert await place.poll(run) == Finished(ok=not code, reason=said)

    @pytest.mark.parametrize(
        ("outputs", "proof", "ok"),
        [
            (Outputs(), [], None),
            (Outputs(include=("*", "**/*")), [], None),
            (Outputs(include=("half", "**")), [], True),
            (Outputs(include=("half", "whole")), [], False),
            (Outputs(include=("half",)), ["whole"], False),
            (Outputs(include=("*_out.txt",)), [], False),
        ],
    )
    async def test_an_end_that_came_unseen_is_told_by_the_files(
        self,
        place: Place,
        emulated: Emulated,
        clock: Clock,
        outputs: Outputs,
        proof: JsonValue,
        *,
        ok: bool | None,
    ) -> None:
        """A run that failed overnight would be published as a success."""
        run = await gated(place, "echo > half; exit 3", outputs=outputs)
        run = replace(run, options={**run.options, "proof": proof, "proof_wait": "1s"})
        await let_go(place, emulated, run)
        for _ in range(2):
            pass_time(emulated, clock, AGE + 1)
            answer = await place.poll(run)
            assert answer != Finished(ok=True, reason=DONE), "the mere word of the service"
        if ok is None:
            assert isinstance(answer, Lost)
            assert "not seen alive shortly before" in answer.evidence
        else:
            assert isinstance(answer, Finished)
            assert answer.ok is ok

    @today
    async def test_a_young_run_needs_not_be_seen(self, place: Place, emulated: Emulated) -> None:
        """Every short run would wait for a person: its end may come before the first look."""
        young = listed(place, emulated, "1", status=DONE)
        assert await place.poll(young) == Finished(ok=True, reason=DONE)
        emulated.pass_time(AGE + 1)
        assert isinstance(await place.poll(young), Lost)

    @pytest.mark.usefixtures("clock")
    @pytest.mark.parametrize("lost", [False, True])
    @today
    async def test_a_restart_forgets_no_sighting(
        self, place: Place, emulated: Emulated, *, lost: bool
    ) -> None:
        """Each restart would make runs doubtful; or what nobody saw would count as seen."""
        run = await gated(place, "true")
        emulated.pass_time(2 * AGE)  # it is not young any more, and was just seen
        await place.poll(run)
        await place.close()
        await let_go(place, emulated, run)
        if lost:
            (place.directory / sightings.NAME).unlink()
        await place.open()
        end = await place.poll(run)
        assert (end == Finished(ok=True, reason=DONE)) is not lost
        assert isinstance(end, Lost) is lost

    @pytest.mark.parametrize("date", ["", "Sunday", "Sun, 22 Nov 2026"])
    def test_a_reply_without_a_date_proves_nothing(self, tmp_path: Path, date: str) -> None:
        """A forgotten failure would count as seen in time."""
        record = Record.model_validate(
            {"uuid": "e3e6f424-0df8-41ed-84c6-4dbae2434d45", "task": "x", "status": DONE}
        ).model_copy(update={"told_at": date, "created": "2026-11-21T22:31:26.028890+01:00"})
        kept = sightings.Sightings(tmp_path, lambda: 0.0)
        kept.note("key", record)
        assert not kept.is_timely("key", record, 1e12)


@today
class TestGuard3AccountingDown:
    """A good run may be called failed for good."""

    @pytest.mark.parametrize(("proof", "ok"), [(["a"], True), ([], False)])
    async def test_the_files_decide_and_are_kept(
        self, place: Place, emulated: Emulated, proof: list[str], *, ok: bool
    ) -> None:
        """Days of computing would be thrown away for a database that was down."""
        emulated.put("accounting-down")
        run = await place.started(place.run("1", shell("echo 1 > a", proof=proof)))
        end = await place.end(run)
        assert isinstance(end, Finished)
        assert (end.ok, FAILED in end.reason) == (ok, True)
        assert await place.outputs(run) == {"a": b"1\n"}


class TestGuard4ControllerDown:
    """The cluster does not answer: nothing is proved by what the service says then."""

    async def test_a_stop_that_could_not_be_made_proves_nothing(
        self, place: Place, emulated: Emulated, year: str, lives: Run
    ) -> None:
        """A cancelled job would count as stopped, and go on computing."""
        emulated.put("controller-down=0")
        if year == "2025":
            await place.cancelled(lives)  # 409: "is not running"
        else:
            with pytest.raises(TransientError):
                await place.cancelled(lives)
        emulated.put()
        assert isinstance(await place.poll(replace(lives, stopping=True)), Alive)
        end = await place.end(await place.cancelled(lives))
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, "cancel")


class TestGuard5ReceivedRows:
    """A row that says "received" is a submission in flight, or a dead one."""

    @today
    async def test_it_is_adopted_and_held_when_it_stays_so(
        self, place: Place, emulated: Emulated, clock: Clock
    ) -> None:
        """A submission in flight would be made again; or a dead one be watched for ever."""
        run = await place.ready(place.run("1", entry("sleep")))
        emulated.put("stays-received")
        with pytest.raises(TransientError) as caught:
            await place.backend.submit(run)
        assert caught.value.effect == "possible"
        emulated.put()
        found = await place.backend.find(run)
        assert isinstance(found, Found)
        run = replace(run, remote_id=found.remote_id)
        assert isinstance(await place.poll(run), Alive)
        clock.now += 910
        assert isinstance(await place.poll(run), Lost)


class TestGuard6ImpossibleRequests:
    """What can never run is taken all the same, and stays queued."""

    @today
    async def test_it_waits_until_it_is_stopped(self, place: Place) -> None:
        """A job would count as failed, or be submitted again, for a queue that is long."""
        run = await place.started(place.run("1", entry("too-big")))
        assert isinstance(await place.poll(run), Alive)
        end = await place.end(await place.cancelled(run))
        assert isinstance(end, Finished)
        assert end.stopped == "cancel"


@pytest.mark.parametrize("late", [0.0, AGE + 1])
async def test_what_we_stopped_is_never_a_success(
    place: Place, emulated: Emulated, lives: Run, year: str, late: float
) -> None:
    """Half of the outputs would be taken for all: 2023 says "failed", later even "normally"."""
    run = await place.cancelled(lives)
    emulated.pass_time(late)
    said = {"2025": "job was stopped by the user"}.get(year, DONE if late else FAILED)
    end = Finished(ok=False, reason=f"{said}, after we asked it to stop", stopped="cancel")
    assert await place.end(run) == end


async def test_what_somebody_else_stopped_is_a_failure(place: Place, lives: Run, year: str) -> None:
    """A job would be called cancelled, or a success, though nobody here stopped it."""
    await drmaatic(place).service.stop(str(lives.remote_id), Use.ASK)
    end = await place.end(lives)
    assert isinstance(end, Finished)
    assert (end.ok, end.stopped) == (False, None)
    assert ("not by us" in end.reason) is (year == "2025")


async def test_what_the_cluster_did_not_take_is_a_failure(place: Place, emulated: Emulated) -> None:
    """A job would wait for ever for a run that there is not."""
    emulated.put("rejected")
    end = await place.end(await place.started(place.run("1", entry("sleep"))))
    assert isinstance(end, Finished)
    assert not end.ok
    assert "rejected" in end.reason
