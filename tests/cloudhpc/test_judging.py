"""How a simulation ended, from what the service and the solver say."""

from collections.abc import Mapping
from typing import Any

import pytest

from orchestrator.backends.cloudhpc.judging import is_final, judge, word
from orchestrator.backends.cloudhpc.model import RunTable
from orchestrator.backends.cloudhpc.replies import Simulation
from orchestrator.backends.http.typed import read


def simulation(status: int | str, output: Any = "", logs: Any = "") -> Simulation:
    """Return a record as the service sends it."""
    fields = {"id": "7", "folder": "f", "status": status, "output": output, "logs": logs}
    return read(Simulation, fields, "simulation")


def table(**more: Any) -> RunTable:
    """Return a [run] table."""
    return RunTable.model_validate({"script": "s", "cpu": 1, "ram": "standard", **more})


@pytest.mark.parametrize(
    ("status", "final", "said"),
    [
        (10, True, "COMPLETED"),
        ("20", False, "PENDING"),
        (30, False, "RUNNING"),
        ("40", False, "STOPPING"),
        (50, True, "STOPPED"),
        (60, True, "ERROR"),
        (70, False, "status 70"),
    ],
)
def test_only_the_known_ends_are_ends(status: int | str, said: str, *, final: bool) -> None:
    """A state that the service adds would end live runs."""
    found = simulation(status)
    assert (is_final(found), word(found)) == (final, said)


@pytest.mark.parametrize(
    ("output", "more", "ok", "reason"),
    [
        ("all well\n", {}, True, "COMPLETED"),
        ("x\n@@@ ERROR: exit code 3\n", {}, False, 'output says "@@@ ERROR: exit code 3"'),
        ("= KILLED BY SIGNAL: 9 (Killed)", {}, False, "KILLED BY SIGNAL: 9"),
        ("BAD TERMINATION OF ONE", {}, False, "BAD TERMINATION OF ONE"),
        ("@@@ ERROR", {"failure": []}, True, "COMPLETED"),
        ("diverged at step 9", {"failure": ["diverged*9"]}, False, '"diverged at step 9"'),
        ("step 9 diverged", {"failure": ["diverged*9"]}, True, "COMPLETED"),
        ("Job finished", {"success": "Job finished"}, True, "COMPLETED"),
        ("Job finished in 3 s", {"success": "Job*in*s"}, True, "COMPLETED"),
        ("Job", {"success": "Job finished"}, False, 'never says "Job finished"'),
        ("Job\nfinished", {"success": "Job*finished"}, False, "never says"),
        ("Job finished\n@@@ ERROR", {"success": "Job finished"}, False, "@@@ ERROR"),
        ("", {"success": "*"}, False, "never says"),
    ],
)
def test_the_output_decides_what_completed_means(
    output: str, more: Mapping[str, Any], reason: str, *, ok: bool
) -> None:
    """COMPLETED with a failed solver would be a succeeded job."""
    end = judge(simulation(10, output), table(**more), stopping=False)
    assert end.ok is ok
    assert reason in end.reason
    assert end.stopped is None


def test_the_logs_are_looked_through_as_well() -> None:
    """A failure that only the log tells would be a success."""
    assert not judge(simulation(10, "", "x\n@@@ ERROR"), table(), stopping=False).ok
    assert not judge(simulation(10, "", ["x", "@@@ ERROR"]), table(), stopping=False).ok


@pytest.mark.parametrize("status", [10, 50, 60])
@pytest.mark.parametrize(("how", "says"), [("soft", "its results are kept"), ("hard", "deletes")])
def test_a_run_that_we_stopped_is_cancelled_and_says_how(status: int, how: str, says: str) -> None:
    """A cancelled job would count as succeeded, with half its results."""
    end = judge(simulation(status), table(stop=how), stopping=True)
    assert (end.ok, end.stopped) == (False, "cancel")
    assert f"{how} stop" in end.reason
    assert says in end.reason


def test_a_stop_that_was_not_ours_says_whose_it_may_be() -> None:
    """Nobody would know that the disk was full, or that somebody stopped the run."""
    full = judge(simulation(50, "soft stop: disk at 92 %, results kept"), table(), stopping=False)
    assert not full.ok
    assert "its disk was full" in full.reason
    other = judge(simulation(50, "step 12 of a disk model"), table(), stopping=False)
    assert not other.ok
    assert "not by us" in other.reason
    assert full.stopped is other.stopped is None


def test_an_error_says_the_last_words() -> None:
    """A person would have to look for the reason by hand."""
    assert judge(simulation(60, "a\n no licence \n\n"), table(), stopping=False).reason == (
        'ERROR: "no licence"'
    )
    assert judge(simulation(60), table(), stopping=False).reason == "ERROR"


def test_one_endless_line_is_judged_at_once() -> None:
    """A solver's odd output would stop the daemon."""
    line = "a" * (4 << 20)
    end = judge(simulation(10, line), table(failure=["a*b*a*b*c", "a*a*a*a*x"]), stopping=False)
    assert end.ok
