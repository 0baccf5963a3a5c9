"""Ends and what they leave: what is believed of them, and what only a person can judge."""

import json
from dataclasses import replace

import anyio
import pytest

from orchestrator.backend import (
    Alive,
    Finished,
    Lost,
    NoAnswer,
    RejectedError,
    Stuck,
)
from orchestrator.testing.contract.place import DEADLINE
from tests.sostrades.lab import (
    COUPLING,
    FACTOR,
    FAIL,
    OUT,
    SELLAR,
    SLOW,
    Lab,
    live,
)


class TestHarvest:
    """Guard 7: downloads go on returning old results."""

    async def test_a_failed_run_leaves_its_log_and_the_cause(self, lab: Lab) -> None:
        """Results of the calculation before would be stored as those of a failed one."""
        await lab.finished(parameters={FACTOR: 3.5})
        run = await lab.finished(key="2", parameters={FAIL: True}, values=[OUT])
        end = await lab.poll(run)
        assert end == Finished(ok=False, reason="FAILED: ValueError: asked to fail")
        assert await lab.place.outputs(run) == {}
        [(name, log)] = (await lab.place.outputs(run, log=True)).items()
        assert name == "execution.log"
        assert b"asked to fail" in log

    @pytest.mark.parametrize("what", ["edit", "execute"])
    async def test_results_that_somebody_replaced_are_not_fetched(
        self, lab: Lab, what: str
    ) -> None:
        """Results of somebody else would be stored as the job's."""
        run = await lab.finished(parameters={FACTOR: 3.5}, values=[OUT])
        outputs = [it for it in await lab.backend.list_outputs(run) if not it.log]
        if what == "edit":
            lab.edits(9.0)
        else:
            lab.somebody("execute")
        await lab.until(lambda: all(it["stage"] == "over" for it in lab.executions(SLOW)))
        with pytest.raises(RejectedError, match="was changed or executed by somebody else"):
            await lab.backend.list_outputs(run)
        for output in outputs:
            if output.name != "plotly.min.js":
                with pytest.raises(RejectedError):
                    await lab.place.read(run, output)

    async def test_all_that_people_look_at_is_fetched(self, lab: Lab) -> None:
        """A person would miss what was asked for, or be shown something else."""
        at = "sellar.SellarCoupling"
        wanted = [f"{at}.obj", f"{at}.Report.summary", f"{at}.Report.note"]
        run = await lab.finished(SELLAR, parameters={f"{at}.Report.scale": 2}, values=wanted)
        outputs = await lab.place.outputs(run)
        values = [f"values/{name}.csv" for name in wanted]
        assert list(outputs) == [
            *values, "charts.json", "charts.html", "study.json", "plotly.min.js"
        ]  # fmt: skip
        assert float(outputs[values[0]].splitlines()[1]) > 0
        assert outputs[values[1]].startswith(b"years,cost\n2020,")
        charts = json.loads(outputs["charts.json"])[f"{at}.Report"]
        page = outputs["charts.html"].decode()
        assert page.count("Plotly.newPlot") == len(charts)
        assert 'src="https://' not in page
        assert json.loads(outputs["study.json"])["study_case"]["id"] == SELLAR

    async def test_a_live_run_shows_its_log(self, lab: Lab) -> None:
        """A person would wait for the end to see how it goes."""
        run = replace(await live(lab), live=True)
        assert await lab.place.outputs(run) == {}
        with anyio.fail_after(DEADLINE):
            shown = b""
            while b"slow disc start" not in shown:
                [(_, shown)] = (await lab.place.outputs(run, log=True)).items()


class TestEnds:
    """Ends that are told, and those that only a person can judge."""

    async def test_an_execution_of_somebody_else_holds_the_job(self, lab: Lab) -> None:
        """Results of another calculation would be taken for the job's."""
        run = await lab.finished(parameters={FACTOR: 3.5})
        lab.somebody("execute")
        answer = await lab.poll(run)
        assert isinstance(answer, Lost)
        assert "execution 2 took the place of ours (1)" in answer.evidence

    async def test_a_change_before_the_calculation_begins_is_no_end_of_it(self, lab: Lab) -> None:
        """A job would be held because the service stores its own values late."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.emulated.put("cold-start=1000")
        run = await lab.started(run)
        lab.somebody("status", status="NOT EXECUTED")
        assert await lab.poll(run) == Alive("NOT EXECUTED")
        lab.somebody("status", status="PENDING")
        lab.emulated.pass_time(1000)
        end = await lab.end(run)
        assert isinstance(end, Finished)
        assert end.ok

    async def test_a_failure_without_a_word_holds_the_job(self, lab: Lab) -> None:
        """A good calculation would be called failed because somebody pressed a button."""
        run = await live(lab)
        lab.somebody("status", status="FAILED")
        answer = await lab.poll(run)
        assert isinstance(answer, Lost)
        assert "nothing in its log says why" in answer.evidence

    async def test_a_stop_by_somebody_is_a_failure_that_says_so(self, lab: Lab) -> None:
        """A job that was stopped would go on being followed for ever."""
        run = await live(lab)
        lab.somebody("stop")
        answer = await lab.poll(run)
        assert answer == Finished(
            ok=False,
            stopped="cancel",
            reason="somebody stopped it in the service's web interface",
        )

    async def test_a_log_that_stands_still_holds_the_job(self, lab: Lab) -> None:
        """A calculation whose process has died would be followed for ever."""
        run = await live(lab)
        lab.somebody("kill")
        lab.emulated.pass_time(5.9 * 3600)
        assert await lab.poll(run) == Alive("RUNNING")
        lab.emulated.pass_time(0.2 * 3600)
        answer = await lab.poll(run)
        assert isinstance(answer, Stuck)
        assert "the log of execution 1 has not moved for 6.1 h" in answer.evidence

    async def test_what_was_adopted_by_mistake_is_never_followed(self, lab: Lab) -> None:
        """A person's slip would have another study's results stored."""
        run = await lab.finished(parameters={FACTOR: 3.5})
        for wrong in ("57", "2/1", "1/x", ""):
            answer = await lab.poll(replace(run, remote_id=wrong))
            assert isinstance(answer, NoAnswer)
            assert "is no execution of study 1, such as 1/57" in answer.why
        assert isinstance(await lab.poll(replace(run, remote_id="1/2")), NoAnswer)

    async def test_a_cancel_says_who_can_stop_it(self, lab: Lab) -> None:
        """A person would believe that it was stopped."""
        run = await live(lab)
        with pytest.raises(RejectedError, match="stop study 1 in its web interface") as no:
            await lab.backend.cancel(run)
        assert no.value.effect == "none"
        assert await lab.poll(run) == Alive("RUNNING")


async def test_a_pod_that_never_comes_ends_the_job_without_a_log(lab: Lab) -> None:
    """A calculation without a machine would be held as never accepted, or followed for ever."""
    run = await lab.ready(lab.run(COUPLING))
    lab.emulated.put("pod-pending=1000", "pod-error")
    run = await lab.started(run)
    assert run.remote_id == f"{COUPLING}/1"
    assert await lab.poll(run) == Alive("POD PENDING")
    assert await lab.backend.list_outputs(replace(run, live=True)) == []
    lab.emulated.pass_time(1000)
    answer = await lab.end(run)
    assert isinstance(answer, Finished)
    assert (answer.ok, answer.stopped) == (False, None)
    assert "POD ERROR" in (answer.reason or "")
    assert await lab.backend.list_outputs(run) == []


@pytest.mark.parametrize(
    ("fault", "text"),
    [("pod-error", "POD ERROR"), ("odd-status=MARS", "'MARS', which is not known here")],
)
async def test_odd_ends_are_no_success(lab: Lab, fault: str, text: str) -> None:
    """A word that nobody knows would be taken for an end, or a failure for a success."""
    run = await lab.ready(lab.run(COUPLING))
    lab.emulated.put(fault if fault == "pod-error" else "cold-start=0.001")
    run = await lab.started(run)
    if fault != "pod-error":
        assert isinstance(await lab.end(run), Finished)
        lab.emulated.put(fault)
    answer = await lab.end(run)
    assert not isinstance(answer, Finished) or not answer.ok
    assert text in str(answer)
