"""How foreign text is shown: one line, short, harmless."""

import dataclasses
from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from orchestrator.document import (
    KeyPath,
    Problem,
    ProblemsError,
    choice,
    collected,
    key_text,
    printable,
    quoted,
    value_text,
)


@given(st.text())
def test_nothing_that_a_terminal_acts_on_gets_through(text: str) -> None:
    """A file name or value could move the cursor, turn the line around or forge a log line."""
    problem = Problem(text, 1, 2, text, text, text)
    for shown in (printable(text), quoted(text), key_text((text, 0)), str(problem)):
        assert shown.isprintable()
        shown.encode("utf-8")
    assert printable(printable(text)) == printable(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", "a\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("Träger 5 €", "Träger 5 €"),
    ],
)
def test_what_printable_makes(text: str, shown: str) -> None:
    """Harmless text would be garbled, or harmful text shown."""
    assert printable(text) == shown


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("inputs", "mesh.inp"), 'inputs."mesh.inp"'),
        (("run", "command", 2), "run.command[2]"),
        (("steps", 0, "a b", 1, 2), 'steps[0]."a b"[1][2]'),
        (("ä", ""), '"ä".""'),
        (("a\n",), '"a\\n"'),
        (("k" * 100,), "k" * 80 + "…"),
    ],
)
def test_keys_as_people_write_them(path: KeyPath, text: str) -> None:
    """A key in a message could not be found in the file."""
    assert key_text(path) == text


@pytest.mark.parametrize(
    "path",
    [
        ("secrets", "x", "file"),
        ("run", "env", "PIN"),
        ("run", "API_KEY"),
        ("run", "apikey"),
        ("dbPassword",),
        ("token", 0),
        ("credentials", "a"),
        ("private_key",),
    ],
)
def test_private_values_are_not_shown(path: KeyPath) -> None:
    """A password would stand in the log and in the reason file."""
    assert value_text("hunter2", path) == "text that is not shown here"
    assert value_text(31337, path) == "a number that is not shown here"
    assert value_text(["hunter2"], path) == "a list"
    assert value_text({"hunter2": 1}, path) == "a table"


def test_values_in_words() -> None:
    """A person could not tell the number 5 from the text "5"."""
    values: list[JsonValue] = [None, True, 5, -0.5, "5", [], [1], {}, {"a": 1}, "x" * 61]
    assert [value_text(it, ("environment",)) for it in values] == [
        "nothing", "true", "the number 5", "the number -0.5", '"5"', "an empty list", "a list",
        "an empty table", "a table", '"' + "x" * 60 + '…"',
    ]  # fmt: skip


def test_choices() -> None:
    """The hint would be missing, or name something that is far off."""
    assert choice(["a"]) == '"a"'
    assert choice(["local"], "locl") == '"local"'
    assert choice(["time", "deadline"], "tme") == '"time" or "deadline" (did you mean "time"?)'
    assert choice(["time", "deadline"], "wurst") == '"time" or "deadline"'
    assert choice(["time", "deadline"], 5) == '"time" or "deadline"'
    assert choice(map(str, range(20))).endswith('"10", "11", …')


def test_problems_come_sorted_and_once() -> None:
    """A person would jump up and down in the file, or mend one thing twice."""
    one = Problem("b", 2, 10, "x", "a", "b")
    shuffled = [
        dataclasses.replace(one, line=10),
        one,
        dataclasses.replace(one, column=9),
        dataclasses.replace(one, file="a", line=99),
        one,
    ]
    error = ProblemsError(shuffled)
    places = map(attrgetter("file", "line", "column"), error.problems)
    assert list(places) == [("a", 99, 10), ("b", 2, 9), ("b", 2, 10), ("b", 10, 10)]
    assert str(error).split("\n")[1] == "b:2:9: x: expected a, found b"


def test_collecting_goes_on_behind_an_error() -> None:
    """A person would read of one mistake at a time."""
    problems: list[Problem] = []
    for line in (1, 2):
        with collected(problems):
            raise ProblemsError([Problem("a", line, 1, "", "b", "c")])
    assert [it.line for it in problems] == [1, 2]
    with pytest.raises(KeyError), collected(problems):
        raise KeyError
