"""Values as the service shows them, held against what was sent.

What pandas 2.2.3 made of each text was noted by hand: read_csv(na_filter=False), texts that are
literals of Python made values, then to_csv.
"""

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.backends.sostrades.csvs import difference, rows_of_lines, rows_of_value

SHOWN = [
    (1, "value\n1\n"),
    (2**64, "value\n18446744073709551616\n"),
    (1.0, "value\n1.0\n"),
    (1e-07, "value\n1e-07\n"),
    (5e-324, "value\n5e-324\n"),
    (1e22, "value\n1e+22\n"),
    (-0.0, "value\n-0.0\n"),
    (True, "value\nTrue\n"),
    ("", 'value\n""\n'),
    ("1.0", "value\n1.0\n"),
    (" x ", "value\n x \n"),
    ('a"b', 'value\n"a""b"\n'),
    ("a,b", 'value\n"a,b"\n'),
    ([1, 2.5], "value\n1.0\n2.5\n"),
    ([0.1, 0.30000000000000004], "value\n0.1\n0.30000000000000004\n"),
    ([True, False], "value\nTrue\nFalse\n"),
    ([1, True], "value\n1\nTrue\n"),
    (["a", ""], 'value\na\n""\n'),
    ([], "value\n"),
    ({"a": 1, "b": 2.5}, "variable,value\na,1.0\nb,2.5\n"),
    ({"a": 1, "b": "x"}, "variable,value\na,1\nb,x\n"),
    ({"a": [1.0, 2.5], "b": ["x"]}, "variable,value\na,\"[1.0, 2.5]\"\nb,['x']\n"),
    ({"a": {"b": [1, None]}}, "variable,value\na,\"{'b': [1, None]}\"\n"),
    ({"a": ["it's"]}, 'variable,value\na,"[""it\'s""]"\n'),
    ({"a": True, "b": 2.5}, "variable,value\na,True\nb,2.5\n"),
    ({"a": None}, "variable,value\na,\n"),
    ({"a b": "c,d", "": 1}, 'variable,value\na b,"c,d"\n,1\n'),
    ({}, "variable,value\n"),
]
OTHERS = [
    (30, "value\n31\n", 'it reads "31", not the number 30'),
    (30, "value\n30\n30\n", "it has more than 2 lines"),
    (30, "value\n", "it has fewer than 2 lines"),
    (30, "years,quantity\n1982,2.0\n", "line 1 has 2 columns, not 1"),
    (30, "other\n30\n", 'it reads "other", not "value"'),
    (30, 'value\n""\n', 'it reads "", not the number 30'),
    (30, "value\n3_0\n", 'it reads "3_0", not the number 30'),
    (1.5, "value\nnan\n", 'it reads "nan", not the number 1.5'),
    (True, "value\n1\n", 'it reads "1", not true'),
    (1, "value\nTrue\n", 'it reads "True", not the number 1'),
    ("a", "value\nb\n", 'it reads "b", not "a"'),
    ([1, 2, 3], "value\n1\n2\n4\n", 'it reads "4" in line 4, not the number 3'),
    ({"a": [1, 2]}, 'variable,value\na,"[1, 3]"\n', 'it reads "[1, 3]", not a list'),
    ({"a": [1]}, "variable,value\na,[1\n", 'it reads "[1", not a list'),
    ({"a": 1}, "variable,value\nb,1\n", 'it reads "b", not "a"'),
    ([2**53 + 1, 0.5], "value\n9007199254740992.0\n0.5\n",
     'it reads "9007199254740992.0", not the number 9007199254740993'),
]  # fmt: skip
COLUMNS = [
    (["1", "2.5"], ["1.0", "2.5"]),
    (["1.0", ""], ["1.0", ""]),
    (["1", "NaN"], ["1", "NaN"]),
    (["a", "None"], ["a", ""]),
    (["a", "NA"], ["a", "NA"]),
    (["true", "FALSE"], ["True", "False"]),
    (["true", "x"], ["true", "x"]),
    (["1e5", "x"], ["100000.0", "x"]),
    (["1e400", "-inf"], ["inf", "-inf"]),
    (["0.1", "0.30000000000000004"], ["0.1", "0.3"]),
    (["0.00011391725880619193"], ["0.0001139172588061"]),
    (["3.141592653589793238", "1"], ["3.1415926535897927", "1.0"]),
    (["+1", "01", "-0"], ["1", "1", "0"]),
    (["  1", "2 "], ["1", "2"]),
    (["1 ", " x "], ["1", " x "]),
    (["1_000", "0x10"], ["1000", "16"]),
    (["1,5", "(1,2)"], ["(1, 5)", "(1, 2)"]),
    (["[1,2]", "[1.0, 2.5]"], ["[1, 2]", "[1.0, 2.5]"]),
    (["'x'", '"q"', "{'a':1}"], ["x", "q", "{'a': 1}"]),
    (["9007199254740993", "1"], ["9007199254740993", "1"]),
    (["9007199254740993", "1.5"], ["9007199254740992.0", "1.5"]),
    (["123456789012345678901234567890", "1"], ["123456789012345678901234567890", "1"]),
    (["2020-01-01", "1%"], ["2020-01-01", "1%"]),
    (["a\nb", "é"], ["a\nb", "é"]),
    (["0.1.2", "# y"], ["0.1.2", "# y"]),
]
OTHER_CELLS = [
    ("1", "2"), ("1.0", ""), ("", "1.0"), ("a", "b"), ("a", ""), ("", "NaN"), ("true", "False"),
    ("1", "True"), ("0.3", "0.30000000001"), ("1.0", "1.000000000003"), ("0.0", "1e-300"),
    ("9007199254740993", "9007199254740992"), ("[1,2]", "[1, 3]"), ("1", "x"), ("x", "1"),
    ("1.5", "x"), ("9" * 400, "1.0"), ("[" * 9000, "x"), ("A", "a"), (" a", "a"),
]  # fmt: skip


def rows(text: str) -> list[list[str]]:
    """Return the rows of a CSV."""
    return list(rows_of_lines(io.StringIO(text, newline="")))


def told(sent: str, shown: str) -> str | None:
    """Return how a table is another that has one cell."""
    return difference([["k"], [sent]], [["k"], [shown]], table=True)


@pytest.mark.parametrize(("value", "shown"), SHOWN)
def test_a_value_is_known_by_how_it_is_shown(value: Any, shown: str) -> None:
    """A value that was taken would be sent again and again, and the job be refused."""
    assert difference(rows_of_value(value), rows(shown), table=False) is None


@pytest.mark.parametrize(("value", "shown", "why"), OTHERS)
def test_another_value_is_told_with_its_place(value: Any, shown: str, why: str) -> None:
    """A job would be calculated with a value that is not its own."""
    assert difference(rows_of_value(value), rows(shown), table=False) == why


@pytest.mark.parametrize(("sent", "shown"), COLUMNS)
def test_a_column_is_known_by_how_it_is_shown(sent: list[str], shown: list[str]) -> None:
    """A table that was taken would be sent again and again, and the job be refused."""
    ours, theirs = ([["k", "v"], *(["1", one] for one in it)] for it in (sent, shown))
    assert difference(ours, theirs, table=True) is None


@pytest.mark.parametrize(("sent", "shown"), OTHER_CELLS)
def test_another_cell_is_another_table(sent: str, shown: str) -> None:
    """A job would be calculated with a table that is not its own."""
    found = told(sent, shown)
    assert found is not None
    assert found.startswith(f'it reads "{shown}" in line 2, not "')


def test_a_table_of_another_size_is_another() -> None:
    """A job would be calculated with half of its table."""
    table = [["a", "b"], ["1", "2"], ["3", "4"]]
    assert difference(table, table, table=True) is None
    assert difference(table, table[:2], table=True) == "it has fewer than 3 lines"
    assert difference(table[:2], table, table=True) == "it has more than 2 lines"
    assert difference(table, [["a"], ["1"]], table=True) == "line 1 has 1 columns, not 2"


def test_blank_lines_are_none_and_half_a_quote_is_no_csv() -> None:
    """A table would be another for an empty line at its end, or be read beyond a lost quote."""
    assert rows('a,b\n\n1,"x\ny"\n\n') == [["a", "b"], ["1", "x\ny"]]
    with pytest.raises(ValueError, match=r"^not a CSV: unexpected end of data$"):
        rows('a\n"1\n')


def written(value: Any) -> str:
    """Write a value as the service does, in which the least known of pandas is left out."""
    out = io.StringIO()
    lines: list[Any] = [["value"], *([one] for one in value)] if isinstance(value, list) else []
    if isinstance(value, dict):
        lines = [["variable", "value"], *value.items()]
    writer = csv.writer(out, lineterminator="\n")
    for line in lines or [["value"], [value]]:
        writer.writerow(["" if one is None else str(one) for one in line])
    return out.getvalue()


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00"), max_size=8)
PLAIN = st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
VALUES = PLAIN | st.lists(PLAIN, max_size=3) | st.dictionaries(TEXT, PLAIN | st.none(), max_size=3)


@settings(max_examples=40)
@given(VALUES)
def test_any_value_is_known_again(value: Any) -> None:
    """A value that was taken would be sent again and again, and the job be refused."""
    assert difference(rows_of_value(value), rows(written(value)), table=False) is None


@settings(max_examples=40)
@given(PLAIN, PLAIN)
def test_only_the_same_value_is_the_same(one: Any, other: Any) -> None:
    """A job would be calculated with a value that is not its own."""
    if str(one) != str(other) and not ({type(one), type(other)} <= {int, float} and one == other):
        found = difference(rows_of_value(one), rows(written(other)), table=False)
        numbers = not isinstance(one, bool | str)
        assert found is not None or (numbers and isinstance(other, str) and float(other) == one)
