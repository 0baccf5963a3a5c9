"""What a client of this service must guard against, each with what it does about it."""

from dataclasses import replace

import anyio
import pytest

from orchestrator.backend import (
    Absent,
    BackendError,
    Finished,
    Found,
    Lost,
    RejectedError,
    TransientError,
    Unclear,
)
from orchestrator.backends.http import Use
from orchestrator.backends.sostrades import KIND, submitting
from orchestrator.backends.sostrades.submitting import READS
from tests.sostrades.lab import (
    COUPLING,
    EXECUTE,
    EXECUTED,
    FACTOR,
    IN,
    OUT,
    SELLAR,
    SENT,
    SLEEP,
    SLOW,
    TABLE,
    TYPES,
    Lab,
    live,
)


class TestOneExecution:
    """Guards 1, 2 and 9: an execute is never repeated, and never sent to a study that is busy."""

    async def test_a_study_that_somebody_calculates_is_left_alone(self, lab: Lab) -> None:
        """The calculation of a colleague would be marked as failed, and its results thrown away."""
        lab.emulated.put("cold-start=1000")
        lab.somebody("execute")
        run = lab.run(parameters={FACTOR: 3.5})
        with pytest.raises(TransientError, match="study 1 is PENDING, and not by this job") as no:
            await lab.step(run)
        assert no.value.effect == "none"
        assert lab.emulated.calls(EXECUTED) == lab.emulated.calls(SENT) == 0
        assert [it["status"] for it in lab.executions(SLOW)] == ["PENDING"]

    async def test_an_execution_that_came_between_ends_the_job_with_the_reason(
        self, lab: Lab
    ) -> None:
        """A job would be sent a second time to a study that somebody is calculating."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.emulated.put("odd-status=FINISHED", "cold-start=1000")  # it begins behind our look
        lab.somebody("execute")
        number = lab.executions(SLOW)[0]["id"]
        run = replace(run, memo={**run.memo, "before": number})
        with pytest.raises(RejectedError, match="just then executed by somebody else") as no:
            await lab.step(run)
        assert no.value.effect == "none"
        assert len(lab.executions(SLOW)) == 1

    @pytest.mark.parametrize(
        "fault", ["drop-after", "error-after=500", "fails-after=500", "html", "empty-json", "cut=5"]
    )
    async def test_a_lost_answer_is_looked_for_and_never_asked_for_again(
        self, lab: Lab, fault: str
    ) -> None:
        """A study would be calculated twice for one job."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        assert await lab.backend.find(lab.run()) == Absent(
            "the study was being set up; its execution was not asked for", proved=True
        )
        lab.emulated.put(f"{fault},on={EXECUTE}")
        with pytest.raises(BackendError) as no:
            await lab.step(run)
        assert no.value.effect == "possible"
        lab.emulated.put()
        found = await lab.backend.find(run)
        [only] = lab.executions(SLOW)
        assert isinstance(found, Found)
        assert found.remote_id == f"1/{only['id']}"
        assert f"execution {only['id']} after 0 and all values as they were sent" in found.evidence

    async def test_an_answer_whose_number_cannot_be_seen_is_looked_for(self, lab: Lab) -> None:
        """A job would be executed again, because only the look behind its execute failed."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.emulated.put("drop-before,on=HEAD *,skip=1")  # behind the one before the execute
        with pytest.raises(BackendError) as no:
            await lab.step(run)
        assert no.value.effect == "possible"
        assert len(lab.executions(SLOW)) == 1

    async def test_without_a_new_execution_nothing_is_proved(self, lab: Lab) -> None:
        """A study that takes long to begin would be executed a second time."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.emulated.put(f"drop-before,on={EXECUTE}")
        with pytest.raises(BackendError) as no:
            await lab.step(run)
        assert no.value.effect == "possible"
        lab.emulated.put()
        assert await lab.backend.find(run) == Unclear(
            "study 1 is not executed; it has no execution, as before this one was asked for"
        )

    async def test_an_execution_with_other_values_is_nobodys(self, lab: Lab) -> None:
        """A job would take the calculation of somebody else for its own."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.edits(9.0)
        found = await lab.backend.find(run)
        assert isinstance(found, Unclear)
        lab.somebody("execute")
        found = await lab.backend.find(run)
        assert isinstance(found, Unclear)
        assert f'somebody else\'s: "{FACTOR}": it reads "9.0", not the number 3.5' in found.why

    async def test_an_execution_of_a_study_that_was_changed_is_nobodys(self, lab: Lab) -> None:
        """A job would be adopted whose results are thrown away."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.somebody("execute")
        lab.edits(3.5)
        found = await lab.backend.find(run)
        assert isinstance(found, Unclear)
        assert "somebody has changed it" in found.why

    async def test_an_execution_before_ours_has_it_set_up_anew(self, lab: Lab) -> None:
        """What somebody did just before would be taken for the job's own execution."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.somebody("execute")
        await lab.until(lambda: lab.executions(SLOW)[0]["status"] == "FINISHED")
        again = await lab.step(run)
        assert (again.remote_id, again.memo["before"], lab.emulated.calls(EXECUTED)) == (
            None,
            None,
            0,
        )
        run = await lab.started(again)
        assert isinstance(await lab.end(run), Finished)
        assert (run.remote_id, run.memo["before"]) == ("1/2", 1)

    @pytest.mark.parametrize("restarts", [False, True])
    async def test_what_was_read_back_long_ago_is_read_back_again(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch, *, restarts: bool
    ) -> None:
        """A study would be calculated with values that were changed over the weekend."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        if restarts:
            await lab.place.reopen()
        else:
            monkeypatch.setattr(submitting, "FRESH", 0.0)
        again = await lab.step(run)
        assert (again.remote_id, again.memo["before"], lab.emulated.calls(EXECUTED)) == (
            None,
            None,
            0,
        )

    async def test_a_change_at_the_last_moment_holds_the_job(self, lab: Lab) -> None:
        """A result of somebody else's parameters would be stored as the job's."""
        run = await lab.ready(lab.run(parameters={FACTOR: 3.5}))
        lab.edits(9.0)
        answer = await lab.end(await lab.started(run))
        assert isinstance(answer, Lost)
        assert f'not with this job\'s values: "{FACTOR}": it reads "9.0"' in answer.evidence

    def test_a_study_has_one_name_for_all_accounts(self) -> None:
        """Two backends of one server would calculate a study at the same time."""

        def name(url: str, key: str = "a") -> str | None:
            options = KIND.options.model_validate({"url": url, "key": {"secret": key}})
            return KIND.lease(options, {"study": 7})

        assert name("https://lab.example.org/") == "https://lab.example.org study 7"
        for same in ("https://lab.example.org", "HTTPS://LAB.example.org:443/"):
            assert name(same, "b") == name("https://lab.example.org/")
        for other in ("http://lab.example.org", "https://lab.example.org:80"):
            assert name(other) != name("https://lab.example.org")
        assert name("http://lab.example.org:5004/A/") == "http://lab.example.org:5004/A study 7"


class TestValues:
    """Guards 3, 4 and 5: what is sent may be lost, and nobody checks it."""

    async def test_a_value_that_is_lost_is_sent_again(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A study would be calculated with the value of the job before."""
        monkeypatch.setattr(submitting, "READS", 2)
        lab.emulated.put("lost-write,times=1")
        run = await lab.started(lab.run(parameters={FACTOR: 3.5, SLEEP: 0.0}))
        assert lab.emulated.calls(SENT) == 2
        assert isinstance(await lab.end(run), Finished)
        assert (await lab.place.outputs(run))["charts.json"].count(b'"y": [35.0, 17.5]') == 1

    async def test_a_value_that_comes_late_is_waited_for(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A study would be calculated before it has its values."""
        lab.emulated.put("slow-update=1000")
        run = lab.run(parameters={FACTOR: 3.5})
        for _ in range(READS):
            with pytest.raises(TransientError, match=r"not taken a value yet.*not the number 3.5"):
                await lab.step(run)
        monkeypatch.setattr(submitting, "READS", 10**6)  # however long it takes to be there
        lab.emulated.pass_time(1001)
        await lab.started(run)
        assert lab.emulated.calls(SENT) == 1

    async def test_a_value_that_is_never_kept_ends_the_job_with_the_reason(
        self, lab: Lab, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A job would be sent for ever, or calculated with another value."""
        monkeypatch.setattr(submitting, "READS", 0)
        lab.emulated.put("lost-write=*factor")
        run = lab.run(parameters={FACTOR: 3.5})
        text = r'not keep.*4 times: .*reads "2.0", not the number 3.5'
        with pytest.raises(RejectedError, match=text) as no:
            await lab.step(run)
        assert no.value.effect == "none"
        assert lab.executions() == []

    async def test_a_value_of_no_variable_is_refused_before_the_calculation(self, lab: Lab) -> None:
        """A slip of the pen would be told only when everything had been calculated."""
        run = lab.run(COUPLING, values=["coupling.Disc1.y", "coupling.Disc1.why"])
        with pytest.raises(RejectedError, match=r'no variable "coupling\.Disc1\.why"') as no:
            await lab.step(run)
        assert no.value.effect == "none"
        assert lab.executions() == []

    async def test_a_job_that_sends_nothing_is_checked_like_any_other(self, repaired: Lab) -> None:
        """What is given to no variable would be left out without a word."""
        run = repaired.run(tables={IN: TABLE})
        run = replace(run, options={"study": SLOW})
        with pytest.raises(RejectedError, match="given to no variable"):
            await repaired.step(run)

    async def test_a_variable_without_a_value_is_named(self, lab: Lab) -> None:
        """A person would be told of a path of a type NoneType."""
        run = await lab.finished(parameters={FACTOR: 3.5}, values=[OUT])
        lab.emulated.tell(f"studies/{SLOW}/edit", **{"Slow.out_table": None})
        lab.somebody("status", status="FINISHED")
        with pytest.raises(RejectedError, match=f"^values/{OUT}.csv: the variable has no value"):
            await lab.place.outputs(run)

    async def test_values_that_are_there_are_not_sent(self, lab: Lab) -> None:
        """Stored results would be thrown away by a job that changes nothing."""
        await lab.finished(parameters={FACTOR: 3.5})
        run = await lab.started(lab.run(key="2", parameters={FACTOR: 3.5}))
        assert (lab.emulated.calls(SENT), run.memo["before"]) == (1, 1)

    async def test_tables_and_values_arrive_together(self, repaired: Lab) -> None:
        """Of two changes that follow each other too soon, the service loses the second."""
        run = repaired.run(parameters={FACTOR: 3}, tables={IN: TABLE}, values=[OUT])
        run = await repaired.started(run)
        assert repaired.emulated.calls(SENT) == 2
        assert isinstance(await repaired.end(run), Finished)
        outputs = await repaired.place.outputs(run)
        assert outputs[f"values/{OUT}.csv"] == b"years,quantity\n1990,3.0\n1991,6.0\n"

    async def test_a_release_that_takes_no_table_is_named_with_the_way_round(
        self, lab: Lab
    ) -> None:
        """A person would be shown a 415 and no way out."""
        run = lab.run(tables={IN: TABLE})
        text = r"such as 5.3.4.*web interface and leave it out of .*run.tables.* have the server"
        with pytest.raises(RejectedError, match=text) as no:
            await lab.step(run)
        assert no.value.effect == "none"

    async def test_what_the_server_lists_is_checked_before_anything_is_sent(
        self, repaired: Lab
    ) -> None:
        """The service would answer that all is well, and calculate nonsense."""
        at = "alltypes.Disc1"
        wrong = {
            f"{at}.x": {"value": 2.0, "unit": "parsecs"}, f"{at}.b": 2.5, f"{at}.nam": "A",
            f"{at}.y_array": [1.0],
        }  # fmt: skip
        with pytest.raises(RejectedError) as no:
            await repaired.step(repaired.run(TYPES, parameters=wrong))
        told = 'its unit is given as "parsecs", and the service lists the unit "kg"'
        assert str(no.value).replace(at, "AT").split("; parameters") == [
            f'parameters."AT.x": {told}',
            '."AT.b": expected a value of type int, found the number 2.5',
            '."AT.nam": the study has no variable "AT.nam"; did you mean "AT.name"?',
            '."AT.y_array": it is of type array: give a CSV for it under [run.tables]',
        ]
        assert repaired.emulated.calls(SENT) == 0

    async def test_at_5_3_4_stored_results_tell_what_there_is(self, lab: Lab) -> None:
        """Values out of range would be taken, because the list is broken at that release."""
        at = "sellar.SellarCoupling.Report"
        await lab.finished(SELLAR)
        wrong = {f"{at}.horizon": 51, f"{at}.method": "median", f"{at}.total": 1.0}
        with pytest.raises(RejectedError) as no:
            await lab.step(lab.run(SELLAR, key="2", parameters=wrong))
        assert "51 is above its range, which ends at 50" in str(no.value)
        assert '"median" is none of its possible values: "sum", "mean"' in str(no.value)
        assert f'"{at}.total": it is an output' in str(no.value)

    async def test_one_unknown_name_refuses_all_and_starts_nothing(self, lab: Lab) -> None:
        """A job would be calculated with half of its values."""
        run = lab.run(parameters={FACTOR: 3.5, "slow1.Slow.nope": 1})
        with pytest.raises(RejectedError, match=r"exception occurs 'slow1.Slow.nope'") as no:
            await lab.step(run)
        assert no.value.effect == "none"
        assert lab.executions() == []

    async def test_a_value_that_is_changed_while_it_calculates_holds_the_job(
        self, lab: Lab
    ) -> None:
        """A person would be given results that are no longer those of the job."""
        run = await live(lab)
        lab.edits(9.0)
        answer = await lab.end(run)  # once its log shows that it has begun
        assert isinstance(answer, Lost)
        assert "somebody changed study 1 while it was calculated" in answer.evidence

    async def test_a_value_that_was_changed_before_it_was_taken_holds_the_job(
        self, lab: Lab
    ) -> None:
        """A result of somebody else's parameters would be stored as the job's."""
        run = await lab.finished(parameters={FACTOR: 3.5})
        lab.edits(9.0)
        lab.somebody("status", status="FINISHED")
        answer = await lab.poll(run)
        assert isinstance(answer, Lost)
        assert f'not with this job\'s values: "{FACTOR}": it reads "9.0"' in answer.evidence

    async def test_a_table_that_was_changed_holds_the_job(self, repaired: Lab) -> None:
        """The same, with a table."""
        run = await repaired.finished(tables={IN: TABLE})
        repaired.edits(2.0)
        repaired.somebody("status", status="FINISHED")
        assert isinstance(await repaired.poll(run), Finished)
        other = await repaired.finished(key="2", tables={IN: TABLE.replace(b"2", b"3")})
        assert isinstance(await repaired.poll(other), Finished)
        swapped = replace(other, memo=run.memo)
        answer = await repaired.poll(swapped)
        assert isinstance(answer, Lost)
        assert "its table is another than before" in answer.evidence


class TestPatience:
    """Guards 6 and 8: requests at the same time may hang, and some take minutes."""

    async def test_one_request_at_a_time_for_a_study(self, lab: Lab) -> None:
        """Requests that come together right after a change would hang for ever."""
        lab.emulated.put("hang", "late=0.02")
        found = []

        async def ask() -> None:
            found.append((await lab.backend.service.status(SLOW, Use.ASK)).word)

        with anyio.fail_after(20):
            async with anyio.create_task_group() as group:
                for _ in range(4):
                    group.start_soon(ask)
        assert found == [""] * 4
        assert "hang" not in lab.emulated.told()["fired"]
