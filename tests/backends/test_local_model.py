"""Errors in a [run] table say what is wrong and what to write instead."""

import pytest
from pydantic import ValidationError

from orchestrator.backends.local import KIND

ONE = "expected either `command` (a list) or `script` (text)"
INSIDE = "expected a folder inside the run's directory: relative, and without '..'"
VARIABLE = 'expected text without NUL, or a reference { secret = "name" }'


@pytest.mark.parametrize(
    ("table", "place", "words"),
    [
        ({}, (), ONE),
        ({"command": ["a"], "script": "b"}, (), ONE),
        (
            {"command": "run me"},
            ("command",),
            'expected a list such as ["python3", "run.py"] (shell text goes into `script`)',
        ),
        ({"command": []}, ("command",), "expected a list that begins with the name of a program"),
        ({"command": [""]}, ("command",), "expected a list that begins with the name of a program"),
        ({"command": ["sleep", 5]}, ("command", 1), "Input should be a valid string"),
        ({"command": ["a\0b"]}, ("command", 0), "expected text without a NUL character"),
        ({"script": "\n"}, ("script",), "expected a script that is not empty"),
        ({"script": "a", "cwd": "/tmp"}, ("cwd",), INSIDE),
        ({"script": "a", "cwd": "a/../.."}, ("cwd",), INSIDE),
        ({"script": "a", "env": {"A": 1}}, ("env", "A"), VARIABLE),
        ({"script": "a", "env": {"A": {"secrte": "x"}}}, ("env", "A"), VARIABLE),
        ({"script": "a", "env": {"A=B": "x"}}, ("env",), "expected names of variables, not 'A=B'"),
        (
            {"script": "a", "env": {"ORCHESTRATOR_KEY": "x"}},
            ("env",),
            "expected names without ORCHESTRATOR_ in front, which are ours, not ORCHESTRATOR_KEY",
        ),
        ({"script": "a", "shell": "zsh"}, ("shell",), "Extra inputs are not permitted"),
    ],
)
def test_what_is_wrong_is_said(
    table: dict[str, object], place: tuple[str | int, ...], words: str
) -> None:
    """A user would not know which key to mend, or how."""
    with pytest.raises(ValidationError) as caught:
        KIND.run.model_validate(table)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert error["msg"].startswith(words)


def test_the_schema_describes_every_key() -> None:
    """An editor would complete keys without saying what they mean."""
    for model in (KIND.run, KIND.options):
        properties = model.model_json_schema()["properties"]
        assert all(one.get("description") for one in properties.values()), properties


def test_the_table_survives_the_queue() -> None:
    """What was checked at acceptance would be refused at the start of the run."""
    table = {"script": "x", "env": {"A": "1", "B": {"secret": "s"}}, "cwd": "a"}
    stored = KIND.run.model_validate(table).model_dump(mode="json")
    assert KIND.run.model_validate(stored) == KIND.run.model_validate(table)


def test_the_number_of_runs_follows_the_processors() -> None:
    """By default a workstation would be overloaded, or idle."""
    assert KIND.max_runs(KIND.options()) >= 1
    assert KIND.max_runs(KIND.options(max_runs=7)) == 7
