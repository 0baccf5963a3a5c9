"""Executions of emulated studies: what is computed, what is kept of it, and what the log says."""

import math

import pytest

from tests.emulators.sostrades.asking import Client

RUNS = {"Slow.sleep_s": 1000.0}


def test_a_fixed_point_is_really_found(me: Client) -> None:
    """A download would be compared with a number that nobody computed."""
    study = me.add("test_sellar_coupling", "all")
    me.execute(study)
    assert me.over(study) == "FINISHED"
    at = "SellarCoupling"
    y1, y2, obj = (
        float(me.read(study, f"{at}.{name}").split()[1]) for name in ("y_1", "y_2", "obj")
    )
    assert math.isclose(y1, 1.0 + 1.0 + 1.0 - 0.2 * y2, rel_tol=1e-5)
    assert math.isclose(y2, math.sqrt(y1) + 2.0, rel_tol=1e-5)
    assert math.isclose(obj, 1.0 + 1.0 + y1 + math.exp(-y2), rel_tol=1e-5)
    years, *rows = me.read(study, f"{at}.Report.summary").split()
    assert years == "years,cost"
    prices = dict(zip((2020, 2021, 2022), (1.5, 2.5, 4.0), strict=True))
    for row, (year, price) in zip(rows, prices.items(), strict=True):
        number, cost = row.split(",")
        assert int(number) == year
        assert math.isclose(float(cost), price * y1)
    assert me.read(study, f"{at}.Report.note") == "value\nbase: sum over 3 years\n"


def test_too_few_rounds_are_said(me: Client) -> None:
    """A result that has not converged would look like one that has."""
    study = me.add("test_sellar_coupling", "all")
    me.act(study, "edit", {"SellarCoupling.max_mda_iter": 2})
    me.execute(study)
    assert me.over(study) == "FINISHED"
    assert "maximum number of iterations" in me.log(study)


def test_numbers_grow_over_all_studies_and_are_told_at_once(me: Client, slow: int) -> None:
    """A backend could not tell its own execution from another."""
    other = me.add()
    me.faults("cold-start=1000")
    me.execute(slow)
    first = me.number(slow)
    log = me.get(f"study-case/{slow}/logs")
    assert (me.status(slow), log.content) == ("PENDING", b"")
    me.execute(other)
    assert me.number(other) == first + 1
    me.ahead(1000)
    me.over(slow)
    me.faults()
    me.execute(slow)
    assert me.number(slow) > first + 1


WRONG = {
    "Slow.factor": "2",
    "Slow.fail": None,
    "over_relaxation_factor": 2.0,
    "scaling_method": "any",
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"Slow.fail": True}, ["ValueError: asked to fail"]),
        ({"Slow.table": {"://dataframe": {"years": [1]}}}, ["KeyError: 'quantity'"]),
        (
            WRONG,
            [
                "Variable mine.Slow.factor : \n\tValue 2 has not the type specified in datamanager",
                "Variable mine.Slow.fail : \n\tValue is not set!",
                "\tValue 2.0 is not in range [0.0, 1.0]",
                "\tValue any not in *possible values* ['no_scaling', ",
            ],
        ),
    ],
)
def test_a_failure_is_told_in_the_log_only(
    me: Client, slow: int, change: dict[str, object], said: list[str]
) -> None:
    """A person would look for the cause where the service does not tell it."""
    me.act(slow, "edit", change)
    me.execute(slow)
    assert me.over(slow) == "FAILED"
    told = me.get(f"calculation/status/{slow}").json()
    assert told["study_case_execution_error_message"] == ""
    log = me.log(slow)
    assert [it for it in said if it not in log] == []
    assert "Traceback (most recent call last):\n  File " in log
    assert "New modification date" in log.splitlines()[-1]


def test_after_a_failure_the_old_results_are_still_there(me: Client, slow: int) -> None:
    """A backend that harvests without a look at the status would not be found out."""
    me.execute(slow)
    assert me.over(slow) == "FINISHED"
    assert me.get(f"study-case/{slow}/read-only-mode").status_code == 200
    me.act(slow, "edit", {"Slow.fail": True, "Slow.factor": 100.0})
    assert me.status(slow) == "NOT EXECUTED"
    assert me.read(slow, "Slow.result") == "value\n30.0\n"
    assert me.get(f"study-case/{slow}/read-only-mode").status_code == 400
    me.execute(slow)  # a study that has failed, or was edited, may be executed
    assert me.over(slow) == "FAILED"
    assert me.read(slow, "Slow.result") == "value\n30.0\n"
    assert me.get(f"post-processing/{slow}").json()["mine.Slow"][0]["data"][0]["y"] == [20.0, 10.0]


@pytest.mark.parametrize(
    ("what", "status"), [("execute", "FAILED"), ("edit", "NOT EXECUTED"), ("stop", "STOPPED")]
)
def test_what_disturbs_a_run_costs_its_results(
    me: Client, slow: int, what: str, status: str
) -> None:
    """A run that somebody disturbed would be harvested as if nothing had been."""
    me.act(slow, "edit", RUNS)
    me.execute(slow)
    me.runs(slow)
    if what == "execute":
        answer = me.execute(slow)
        assert (answer.status_code, "already submitted" in answer.text) == (400, True)
    elif what == "edit":
        me.write(slow, factor=3.0)
    else:
        me.act(slow, "stop")
    assert me.status(slow) == status
    me.act(slow, "wake")
    assert me.over(slow) == status
    assert "expected str" in me.read(slow, "Slow.result")
    interrupted = f"Study interrupted, current state is not RUNNING but {status}"
    assert (interrupted in me.log(slow)) == (what != "stop")
    assert len(me.executions(slow)) == 1


def test_a_dead_process_leaves_running_for_ever(me: Client, slow: int) -> None:
    """A backend would wait for ever, and nobody would know."""
    me.act(slow, "edit", RUNS)
    me.execute(slow)
    me.runs(slow)
    me.act(slow, "kill")
    assert me.over(slow) == "RUNNING"
    assert me.execute(slow).status_code == 400
    assert me.status(slow) == "FAILED"
    me.act(slow, "edit", {"Slow.sleep_s": 0.0})
    assert me.execute(slow).status_code == 200
    assert me.over(slow) == "FINISHED"


def test_a_person_may_execute_a_study_again(me: Client, slow: int) -> None:
    """Results of somebody else's execution would pass for ours."""
    me.execute(slow)
    assert me.over(slow) == "FINISHED"
    ours = me.number(slow)
    me.act(slow, "edit", {"Slow.factor": 10.0})
    me.act(slow, "execute")
    assert me.over(slow) == "FINISHED"
    assert me.number(slow) > ours
    assert me.read(slow, "Slow.result") == "value\n150.0\n"
