"""What people write about this service is held against its form, before anything is asked."""

import math
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrator.backends.sostrades.model import Options, RunTable

X = "s.D.x"
NAME = 'Value error, expected the whole name of a variable, such as "study.Discipline.x"'
UNQUOTED = (
    "Value error, expected a value, or a table with `value`; a variable's name is written in quotes"
    ' because of its dots: "study.Discipline.x" = 3.5'
)
NESTED = (
    "Value error, a list holds numbers, texts, true and false: the service does not show another"
    " one again; a table can be given as a CSV under [run.tables]"
)
TYPES = (
    "Input should be 'float', 'int', 'bool', 'string', 'list', 'dict', 'float_list', 'int_list' or"
    " 'string_list'"
)
PATH = 'Value error, expected a path inside the run\'s directory, without "/" at its beginning'
FINITE = "Value error, expected a finite number"
LINE = "Value error, expected a text in one line, of at most 10000 characters"
NONE = "Value error, there is no value that means none"


def faults(model: type[Options | RunTable], table: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where a table is wrong, and why."""
    with pytest.raises(ValidationError) as caught:
        model.model_validate(table)
    return [(" ".join(map(str, one["loc"])), one["msg"]) for one in caught.value.errors()]


def test_what_people_may_write_is_taken() -> None:
    """A job that is right would be refused."""
    given = {
        "a.b": 1, "a.b c": -0.5, "a.é": "é", "a.t": True, "a.l": [1, 2.5, "x", False], "a.e": [],
        "a.u": {"value": 3, "unit": "m", "type": "float"}, "a.d": {"value": {"k": [1, None]}},
        "a.0": {"value": ""},
    }  # fmt: skip
    table = RunTable.model_validate(
        {"study": 21, "parameters": given, "tables": {X: "in/a.csv"}, "values": [X]}
    )
    wanted = {k: v["value"] if isinstance(v, dict) else v for k, v in given.items()}
    assert {name: it.value for name, it in table.parameters.items()} == wanted
    unit = table.parameters["a.u"]
    assert (unit.unit, unit.type) == ("m", "float")
    assert table.tables == {X: "in/a.csv"}
    assert table.values == (X,)
    least = RunTable.model_validate({"study": 1})
    assert (least.parameters, least.tables, least.values) == ({}, {}, ())


@pytest.mark.parametrize(
    ("table", "where", "why"),
    [
        ({"study": 0}, "study", "Input should be greater than or equal to 1"),
        ({"study": 2**31}, "study", "Input should be less than or equal to 2147483647"),
        ({"study": "x"}, "study",
         "Input should be a valid integer, unable to parse string as an integer"),
        ({"other": 1}, "other", "Extra inputs are not permitted"),
        ({"parameters": {"x": 1}}, "parameters x [key]", NAME),
        ({"parameters": {".x": 1}}, "parameters .x [key]", NAME),
        ({"parameters": {"s.\u202ex": 1}}, "parameters s.\u202ex [key]", NAME),
        ({"parameters": {"s." + "x" * 299: 1}}, "parameters s." + "x" * 299 + " [key]", NAME),
        ({"parameters": {X: {"a": 1}}}, f"parameters {X}", UNQUOTED),
        ({"parameters": {X: {"value": 1, "units": "m"}}}, f"parameters {X} units",
         "Extra inputs are not permitted"),
        ({"parameters": {X: {"value": 1, "type": "dataframe"}}}, f"parameters {X} type",
         TYPES),
        ({"parameters": {X: None}}, f"parameters {X} value", NONE),
        ({"parameters": {X: [1, None]}}, f"parameters {X} value", NONE),
        ({"parameters": {X: [[1]]}}, f"parameters {X} value", NESTED),
        ({"parameters": {X: [{"a": 1}]}}, f"parameters {X} value", NESTED),
        ({"parameters": {X: math.nan}}, f"parameters {X} value", FINITE),
        ({"parameters": {X: 10**400}}, f"parameters {X} value", FINITE),
        ({"parameters": {X: [1.0, -math.inf]}}, f"parameters {X} value", FINITE),
        ({"parameters": {X: {"value": {"a": [{"b": math.nan}]}}}}, f"parameters {X} value", FINITE),
        ({"parameters": {X: "a\nb"}}, f"parameters {X} value", LINE),
        ({"parameters": {X: ["a\tb"]}}, f"parameters {X} value", LINE),
        ({"parameters": {X: "x" * 10_001}}, f"parameters {X} value", LINE),
        ({"tables": {"x": "a.csv"}}, "tables x [key]", NAME),
        ({"tables": {X: "/a.csv"}}, f"tables {X}", PATH),
        ({"tables": {f"s.{one}": "a.csv" for one in range(101)}}, "tables",
         "Dictionary should have at most 100 items after validation, not more"),
        ({"values": ["x"]}, "values 0", NAME),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(table: dict[str, Any], where: str, why: str) -> None:
    """A job would be sent that cannot be calculated, or whose values cannot be read back."""
    assert faults(RunTable, {"study": 1} | table) == [(where, why)]


def test_a_name_without_quotes_is_told_how_to_write_it() -> None:
    """A person would not find out why s.D.x = 1 is refused, which is s = {D = {x = 1}} in TOML."""
    found = faults(RunTable, {"study": 1, "parameters": {"s": {"D": {"x": 1}}}})
    assert found == [("parameters s [key]", NAME), ("parameters s", UNQUOTED)]


def test_an_account_needs_an_address_and_a_key() -> None:
    """An account would be opened that cannot work."""
    there = {"url": "https://host", "key": {"secret": "K"}}
    assert faults(Options, {}) == [("url", "Field required"), ("key", "Field required")]
    [(where, _)] = faults(Options, there | {"key": "canary"})
    assert where == "key"
    span = "Value error, expected a span of time that is longer than zero and at most ten years"
    assert faults(Options, there | {"stuck_after": "0s"}) == [("stuck_after", span)]
    assert [where for where, _ in faults(Options, there | {"max_runs": 0, "patience": "soon"})] == [
        "max_runs",
        "patience",
    ]
    options = Options.model_validate(there)
    assert options.max_runs == 4
    assert options.patience.total_seconds() == 300
    assert options.stuck_after.total_seconds() == 6 * 3600
