"""A job is held against what the service lists, before anything is sent."""

from typing import Any

import pytest

from orchestrator.backends.sostrades.checking import fits, problems, to_send
from orchestrator.backends.sostrades.model import Given, RunTable
from orchestrator.backends.sostrades.replies import Listed

LISTED = {
    f"s.D.{name}": Listed.model_validate(it)
    for name, it in {
        "x": {"type": "float", "unit": "m", "range": [0.0, 10.0], "io_type": "in"},
        "n": {"type": "int", "unit": None, "possible_values": [1, 2, 3]},
        "b": {"type": "bool"},
        "t": {"type": "string", "possible_values": ["one", "two"]},
        "d": {"type": "dict"},
        "l": {"type": "list"},
        "fl": {"type": "float_list", "range": [0.0, 1.0]},
        "sl": {"type": "string_list"},
        "table": {"type": "dataframe"},
        "array": {"type": "array"},
        "odd": {"type": "proc_builder_modal"},
        "half": {"type": "float", "range": [None, 5]},
        "y": {"type": "float", "io_type": "out"},
    }.items()
}
INPUTS = {name: it for name, it in LISTED.items() if it.io != "out"}
POSSIBLE = "the number 4 is none of its possible values: the number 1, the number 2, the number 3"
LEFT = (
    'given to no variable: "b.csv", "c.csv"; name each input under [run.tables], or list under'
    " [inputs] what the job needs"
)
NO_X = 'the study has no variable "s.D.xx"; did you mean "s.D.x"?'


def found(listed: Any = LISTED, inputs: tuple[str, ...] = (), **table: Any) -> list[str]:
    """Return what is wrong with a job."""
    return problems(RunTable.model_validate({"study": 1} | table), inputs, listed)


def given(name: str, value: Any, **more: Any) -> dict[str, Any]:
    """Return a table of parameters with one value."""
    return {f"s.D.{name}": {"value": value, **more}}


@pytest.mark.parametrize(
    ("name", "value", "more"),
    [
        ("x", 0, {}), ("x", 10.0, {"unit": "m", "type": "float"}), ("n", 3, {"type": "int"}),
        ("b", False, {}), ("t", "two", {}), ("d", {"a": [1]}, {}), ("l", [1, "x"], {}),
        ("l", [1.5], {"type": "float_list"}), ("fl", [0, 0.5], {"type": "list"}), ("sl", [], {}),
        ("odd", "anything", {}), ("half", -1e9, {}), ("fl", [], {}),
    ],
)  # fmt: skip
def test_what_fits_is_sent(name: str, value: Any, more: dict[str, Any]) -> None:
    """A job that is right would be refused."""
    assert found(parameters=given(name, value, **more)) == []


@pytest.mark.parametrize(
    ("name", "value", "more", "why"),
    [
        ("x", "1", {}, 'expected a value of type float, found "1"'),
        ("x", True, {}, "expected a value of type float, found true"),
        ("n", 1.0, {}, "expected a value of type int, found the number 1.0"),
        ("b", 1, {}, "expected a value of type bool, found the number 1"),
        ("t", 1, {}, "expected a value of type string, found the number 1"),
        ("d", [1], {}, "expected a value of type dict, found a list"),
        ("fl", [0.5, "x"], {}, "expected a value of type float_list, found a list"),
        ("sl", ["x", 1], {}, "expected a value of type string_list, found a list"),
        ("x", 1, {"type": "bool"}, "expected a value of type bool, found the number 1"),
        ("x", 1, {"type": "int"}, "the service says that it is of type float, not int"),
        ("x", 1, {"unit": "km"}, 'its unit is given as "km", and the service lists the unit "m"'),
        ("n", 1, {"unit": "m"}, 'its unit is given as "m", and the service lists no unit'),
        ("x", -0.1, {}, "the number -0.1 is below its range, which begins at 0.0"),
        ("x", 11, {}, "the number 11 is above its range, which ends at 10.0"),
        ("half", 6, {}, "the number 6 is above its range, which ends at 5"),
        ("fl", [0.5, 1.5], {}, "a list is above its range, which ends at 1.0"),
        ("n", 4, {}, POSSIBLE),
        ("t", "three", {}, '"three" is none of its possible values: "one", "two"'),
        ("y", 1.0, {}, "it is an output: the calculation sets it"),
        ("array", [1.0], {}, "it is of type array: give a CSV for it under [run.tables]"),
        ("xx", 1.0, {}, NO_X),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(name: str, value: Any, more: dict[str, Any], why: str) -> None:
    """The service takes anything; the calculation would fail, or be of something else."""
    assert found(parameters=given(name, value, **more)) == [f'parameters."s.D.{name}": {why}']


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("table", None), ("array", None), ("d", None), ("l", None),
        ("x", "it is no table but of type float: give its value under [run.parameters]"),
        ("y", "it is an output: the calculation sets it"),
        ("xx", NO_X),
    ],
)  # fmt: skip
def test_only_what_is_a_table_is_given_a_csv(name: str, why: str | None) -> None:
    """A value would become a table, which only the calculation finds out."""
    wanted = [] if why is None else [f'tables."s.D.{name}": {why}']
    assert found(inputs=("a.csv",), tables={f"s.D.{name}": "a.csv"}) == wanted


def test_without_a_list_only_what_the_job_says_of_itself_is_held() -> None:
    """A server that lists nothing could not be used."""
    for name, it in given("nope", 1, type="bool").items():
        [why] = found(None, parameters={name: it})
        assert why.endswith("expected a value of type bool, found the number 1")
    assert found(None, parameters=given("nope", 1), values=("s.D.nope",)) == []
    assert found(None, ("a",), tables={"s.D.nope": "a"}) == []


def test_a_wanted_value_is_looked_for_only_where_outputs_are_listed() -> None:
    """A job would be refused because a server lists inputs alone."""
    assert found(values=("s.D.y", "s.D.x")) == []
    assert found(values=("s.D.xx",)) == [f"values: {NO_X}"]
    assert found(INPUTS, values=("s.D.y",)) == []


def test_each_input_is_given_to_one_variable() -> None:
    """A file would be left behind unseen."""
    table = {"parameters": given("table", 1), "tables": {"s.D.table": "a.csv"}}
    assert found(None, ("b.csv", "c.csv"), **table) == [
        '"s.D.table" is given twice: under [run.parameters] and [run.tables]',
        'tables."s.D.table": there is no input "a.csv"',
        LEFT,
    ]


def test_of_very_many_faults_the_first_are_told() -> None:
    """A message of many pages would be read by nobody."""
    told = found(parameters={f"s.D.z{one}": 1 for one in range(25)})
    assert len(told) == 21
    assert told[-1] == "and 5 more"


@pytest.mark.parametrize(
    ("value", "type_", "listed", "sent"),
    [
        (3, None, "float", "3.0"), (3, "float", None, "3.0"), (3, None, None, "3"),
        (3, None, "int", "3"), (True, None, "float", "True"), ([1, 2.5], None, "float_list",
        "[1.0, 2.5]"), ([1], None, "list", "[1]"), ("x", None, "float", "'x'"),
    ],
)  # fmt: skip
def test_a_whole_number_is_sent_as_the_type_needs_it(
    value: Any, type_: Any, listed: str | None, sent: str
) -> None:
    """A calculation would fail over a number without a point."""
    it = None if listed is None else Listed(type=listed)
    assert repr(to_send(Given(value=value, type=type_), it)) == sent


def test_a_type_that_is_not_known_takes_anything_and_a_table_nothing() -> None:
    """A job would be refused for a type of a new release, or sent a table as a list."""
    assert fits("new", [1])
    assert not fits("array", [1])
    assert not fits("dataframe", {"a": [1]})
