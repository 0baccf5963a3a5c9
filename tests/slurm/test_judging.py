"""How a run ended, from every source that may tell, and from none."""

from dataclasses import replace
from typing import Any

import pytest

from orchestrator.backend import Alive, Finished, Lost, NoAnswer
from orchestrator.backends.slurm.judging import Seen, alive, judge, needs_accounting
from orchestrator.backends.slurm.marks import Marks, Status
from orchestrator.backends.slurm.script import NO_FOLDER, NOT_AGAIN
from orchestrator.backends.slurm.states import CAUSES, LIVE
from orchestrator.backends.slurm.values import Job

BEGUN = Marks(started={"": 7})


def job(state: str, **more: Any) -> Job:
    """Return a row of job 7."""
    return replace(Job(7, "orch-1", tuple(state.split("+"))), **more)


def ended(code: int, caught: str = "") -> Marks:
    """Return the marks of a run that noted its end."""
    return Marks(started={"": 7}, ended={"": Status(code, caught)})


def end(seen: Seen) -> Finished:
    """Return the end of a run that has one."""
    found = judge(seen)
    assert isinstance(found, Finished), found
    return found


def one(marks: Marks = BEGUN, now: Job | None = None, past: Job | None = None, **more: Any) -> Seen:
    """Return what is known of a run that is no array."""
    return Seen([""], marks, [now] if now else [], [past] if past else [], **more)


@pytest.mark.parametrize("state", sorted(LIVE - {"COMPLETING"}))
def test_what_lives_is_alive(state: str) -> None:
    """A run that is held, suspended or requeued would be given an end."""
    found = alive([job(state, reason="JobHeldUser")])
    assert found == Alive(f"{state} (JobHeldUser)")


def test_a_word_that_nobody_knows_is_no_end() -> None:
    """A later Slurm would end runs by a word of its own."""
    row = job("TELEPORTED")
    assert alive([row]) is None
    assert judge(one(now=row, waited=True)) == Alive("TELEPORTED")


def test_what_another_cluster_has_goes_on_until_its_file_is_there() -> None:
    """A run that a sibling of the federation computes would be called a failure, and run again."""
    row = job("REVOKED")
    assert judge(one(now=row, waited=True)) == Alive("REVOKED")
    assert end(one(ended(0), now=row)).ok


@pytest.mark.parametrize("code", [0, 1, 4, 255])
def test_its_own_file_tells_the_end(code: int) -> None:
    """A failed run would be called a success, or a good one lost, when Slurm has forgotten it."""
    for row in (None, job("COMPLETED"), job("FAILED")):
        found = end(one(ended(code), now=row))
        assert (found.ok, found.exit_code) == (code == 0, code)
        assert f"exit code {code}" in found.reason


def test_a_failure_waits_for_the_word_of_the_controller() -> None:
    """A run that Slurm just stopped would be said to have failed by itself."""
    row = job("COMPLETING")
    assert end(one(ended(0), now=row)).ok, "nothing that is said later makes it another end"
    for marks in (ended(143), ended(4), ended(0, "TERM")):
        assert judge(one(marks, now=row)) == Alive("COMPLETING")
        assert not end(one(marks, now=row, waited=True)).ok
    assert isinstance(judge(one(ended(143))), NoAnswer), "accounting lags"
    assert end(one(ended(143), lost=True)).exit_code == 143


def test_a_job_that_completes_and_has_no_file_goes_on() -> None:
    """Its outputs would be fetched while its processes still write."""
    row = job("COMPLETING")
    assert alive([row]) is None
    assert isinstance(judge(one(now=row, waited=True)), Alive)


@pytest.mark.parametrize("state", sorted(CAUSES))
@pytest.mark.parametrize("stopping", [False, True])
def test_each_cause_ends_as_what_it_is(state: str, stopping: bool) -> None:  # noqa: FBT001
    """A person would read "exit code 143", and look for a fault in his model."""
    for seen in (one(now=job(state)), one(past=job(state)), one(ended(143, "TERM"), job(state))):
        found = end(replace(seen, stopping=stopping))
        assert not found.ok
        assert found.reason.startswith(f"{state}: {CAUSES[state]}")
        wanted = "time_limit" if state == "TIMEOUT" else "cancel" if stopping else None
        assert found.stopped == wanted


def test_a_cancel_by_somebody_else_is_told() -> None:
    """A person would think that we cancelled his job."""
    found = end(one(now=job("CANCELLED"), past=job("CANCELLED", by="user 1000")))
    assert "not by us" in found.reason
    assert end(one(past=job("CANCELLED", by="user 1000"))).reason.endswith("by us (user 1000)")


def test_a_success_that_came_just_before_its_end_by_force_stays_one() -> None:
    """A run that had done all its work would be done again."""
    for state in ("TIMEOUT", "CANCELLED", "NODE_FAIL", "PREEMPTED"):
        assert end(one(ended(0), now=job(state))).ok


def test_no_success_is_claimed_of_what_was_stopped() -> None:
    """A program that ends with 0 on SIGTERM would be taken to have done its work."""
    assert not end(one(ended(0, "TERM"), now=job("TIMEOUT"))).ok
    assert end(one(ended(0, "TERM"), now=job("CANCELLED"), stopping=True)).stopped == "cancel"
    assert end(one(ended(0, "TERM"), now=job("COMPLETED"))).ok, "a signal that was meant for it"
    assert not end(one(ended(0, "TERM"), lost=True)).ok, "nobody tells any more what it was"


def test_no_success_is_claimed_of_what_lost_a_process() -> None:
    """A solver whose worker was killed for want of memory may have written half of its results."""
    found = end(one(ended(0), now=job("OUT_OF_MEMORY")))
    assert not found.ok
    assert "want of memory" in found.reason


def test_the_file_of_what_ended_by_itself_is_waited_for() -> None:
    """A shared file system shows a file late: the exit code would be that of nobody."""
    for state in ("COMPLETED", "FAILED"):
        assert isinstance(judge(one(now=job(state))), Alive)
    found = end(one(now=job("COMPLETED"), waited=True))
    assert (found.ok, found.exit_code) == (True, 0)
    assert "no exit-status file" in found.reason


def test_without_a_file_slurm_tells_the_exit_code() -> None:
    """A run whose disk was full would fail without a word."""
    found = end(one(now=job("FAILED"), past=job("FAILED", code=4), waited=True))
    assert (found.ok, found.exit_code) == (False, 4)
    assert "exit code 4" in found.reason
    found = end(one(now=job("FAILED", code=0, signal=9), waited=True))
    assert "SIGKILL" in found.reason


def test_a_log_that_cannot_be_opened_is_told_in_words() -> None:
    """A person would search for a signal 53, where a node does not see the shared folder."""
    for code in (0, 15):  # by accounting; by slurmrestd, which has it as 4021
        found = end(one(Marks(), now=job("FAILED", code=code, signal=53), waited=True))
        assert found.exit_code is None
        assert "does its node see the run's folder" in found.reason


def test_a_second_start_is_told_as_one() -> None:
    """A person would search his script for exit code 73."""
    again = replace(BEGUN, again=frozenset({""}))
    assert "second time" in end(one(again, now=job("FAILED", code=NOT_AGAIN))).reason
    assert end(one(replace(again, ended={"": Status(0)}), now=job("FAILED", code=NOT_AGAIN))).ok
    lacks = end(one(Marks(), now=job("FAILED", code=NO_FOLDER), waited=True))
    assert "`directory`" in lacks.reason


def test_what_nobody_knows_is_no_end() -> None:
    """A run would be called done, because the controller forgot it."""
    assert isinstance(judge(one()), NoAnswer)
    assert isinstance(judge(one(waited=True)), NoAnswer)
    assert judge(replace(one(lost=True), trouble="it is down")) == NoAnswer("it is down")
    lost = judge(one(lost=True))
    assert isinstance(lost, Lost)
    assert "was started" in lost.evidence
    assert isinstance(judge(one(Marks(), past=job("PENDING"))), NoAnswer), "accounting lags"
    never = judge(one(Marks(), past=job("PENDING"), lost=True))
    assert isinstance(never, Lost)
    assert "never started" in never.evidence


def test_accounting_is_asked_only_for_what_it_may_tell() -> None:
    """A thousand runs would ask accounting at each poll; or none would learn its exit code."""
    assert needs_accounting(one())
    assert needs_accounting(one(ended(0))), "why it ended, it may tell"
    assert needs_accounting(one(now=job("FAILED")))
    assert not needs_accounting(one(ended(4), now=job("FAILED")))
    assert not needs_accounting(one(now=job("FAILED", code=4)))


def array(*codes: int | None, now: tuple[Job, ...] = (), **more: Any) -> Seen:
    """Return what is known of an array, of which tasks ended with these codes."""
    tasks = [str(n) for n in range(len(codes))]
    ends = {str(n): Status(code) for n, code in enumerate(codes) if code is not None}
    return Seen(tasks, Marks(dict.fromkeys(ends, 7), ends), now, **more)


def test_an_array_succeeds_when_each_task_does() -> None:
    """Its last task would speak for all."""
    assert end(array(0, 0, 0)) == Finished(ok=True, reason="all 3 tasks: exit code 0", exit_code=0)
    found = end(array(0, 4, 0, 5))
    assert (found.ok, found.exit_code) == (False, 4)
    assert found.reason == "2 of 4 tasks failed: task 1: exit code 4; task 3: exit code 5"
    assert end(array(*[1] * 9)).reason.endswith("and 6 more")


def test_an_array_goes_on_as_long_as_one_task_does() -> None:
    """Its outputs would be fetched while a task still writes."""
    rows = (job("COMPLETED", task="0"), job("PENDING", task="1-9", reason="Resources"))
    found = alive(rows)
    assert found is not None
    assert "PENDING (Resources)" in found.detail
    assert isinstance(judge(array(0, None)), NoAnswer), "of one task nobody knows"


def test_a_task_that_was_cancelled_before_it_started_is_told() -> None:
    """The tasks that never ran would be missing from the judgement."""
    for task in ("1", "1-2%2", "1,..."):
        rows = (job("COMPLETED", task="0"), job("CANCELLED", task=task))
        found = end(array(0, None, now=rows, stopping=True))
        assert (found.ok, found.stopped) == (False, "cancel")


def test_a_task_that_ended_is_not_told_as_one_that_never_started() -> None:
    """What failed by itself, before its array was cancelled, would be said to be cancelled."""
    found = end(array(4, None, now=(job("CANCELLED", task="1-9"),)))
    assert "task 0: exit code 4; task 1: CANCELLED" in found.reason


def test_what_the_node_said_is_not_told_of_a_task_that_noted_its_end() -> None:
    """A task with an error of its own would be said to have wanted memory, like its neighbour."""
    rows = (job("FAILED", task="0", code=4), job("FAILED", task="1", code=1))
    seen = array(4, None, now=rows, waited=True)
    found = end(replace(seen, marks=replace(seen.marks, said="exceeded memory limit")))
    assert "task 0: exit code 4; task 1: OUT_OF_MEMORY" in found.reason
