"""A job is held against the catalogue before anything is sent, and a run against its job."""

from typing import Any

import pytest

from orchestrator.backends.drmaatic.checking import differs, fields, files, problems
from orchestrator.backends.drmaatic.model import RunTable
from orchestrator.backends.drmaatic.replies import Entry, Record

ENTRY = Entry.model_validate(
    {
        "name": "echo-file",
        "param": [
            {"name": "input_file", "type": "file", "required": True},
            {"name": "count", "type": "int", "required": False},
            {"name": "ratio", "type": "float", "required": False},
            {"name": "text", "type": "string", "required": False},
            {"name": "verbose", "type": "bool", "required": False},
            {"name": "token", "type": "string", "required": True, "private": True},
        ],
    }
)


def table(**more: Any) -> RunTable:
    """Return a table that is in order, but for what is given."""
    base = {"task": "echo-file", "files": {"input_file": "in.txt"}}
    return RunTable.model_validate(base | more)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"count": 3},
        {"count": -3},
        {"count": " 3 "},
        {"count": [1, 2]},
        {"ratio": 0.5},
        {"ratio": 3},
        {"ratio": "1e-3"},
        {"text": ""},
        {"text": 3},
        {"text": True},
        {"text": ["a", "b"]},
        {"verbose": True},
        {"verbose": False},
    ],
)
def test_what_the_catalogue_takes_is_sent(parameters: dict[str, Any]) -> None:
    """A job that is right would be refused."""
    assert problems(ENTRY, table(parameters=parameters), ["in.txt"]) == []


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"count": "three"}, 'parameters.count: expected a value of type int, found "three"'),
        ({"count": 3.0}, "parameters.count: expected a value of type int, found the number 3.0"),
        ({"count": True}, "parameters.count: expected a value of type int, found true"),
        ({"count": "1_0"}, 'parameters.count: expected a value of type int, found "1_0"'),
        ({"count": [1, "x"]}, 'parameters.count: expected a value of type int, found "x"'),
        ({"ratio": "nan"}, 'parameters.ratio: expected a value of type float, found "nan"'),
        ({"ratio": False}, "parameters.ratio: expected a value of type float, found false"),
        ({"verbose": "yes"}, 'parameters.verbose: expected a value of type bool, found "yes"'),
        ({"verbose": 1}, "parameters.verbose: expected a value of type bool, found the number 1"),
        ({"text": "a\0"}, "parameters.text: expected a value of type string"),
        ({"verbos": True}, 'parameters.verbos: no such parameter; did you mean "verbose"?'),
        ({"token": "x"}, "parameters.token: no such parameter"),
        ({"input_file": "x"}, "parameters.input_file: it is a file: name an input for it under"),
    ],
)
def test_what_it_does_not_take_is_told_before(parameters: dict[str, Any], says: str) -> None:
    """A submit would be refused by the service, or taken without what it leaves out in silence."""
    [found] = problems(ENTRY, table(parameters=parameters), ["in.txt"])
    assert found.startswith(says)


@pytest.mark.parametrize(
    ("given", "inputs", "says"),
    [
        ({}, [], ["files.input_file is missing: the service requires it (file)"]),
        ({}, ["in.txt"], ['given to no parameter: "in.txt"; ', "files.input_file is missing"]),
        ({"input_file": "in.txt"}, [], ['files.input_file: there is no input "in.txt"']),
        ({"input_file": "README"}, ["README"], ['files.input_file: "README" has no extension']),
        ({"input_file": "a.d/x"}, ["a.d/x"], ['files.input_file: "a.d/x" has no extension']),
        ({"input_file": "x."}, ["x."], ['files.input_file: "x." has no extension']),
        (
            {"input_file": "in.txt", "count": "b.txt"},
            ["in.txt", "b.txt"],
            ["files.count: it is no file but of type int"],
        ),
        (
            {"input_file": "in.txt", "input": "b.txt"},
            ["in.txt", "b.txt"],
            ['files.input: no such parameter; did you mean "input_file"?'],
        ),
        ({"input_file": ["in.txt", "b.tar.gz"]}, ["in.txt", "b.tar.gz"], []),
    ],
)
def test_files_are_those_that_the_entry_takes(
    given: dict[str, Any], inputs: list[str], says: list[str]
) -> None:
    """A run would begin without a file that the job has, or end for want of one."""
    found = problems(ENTRY, table(files=given), inputs)
    assert [one[: len(text)] for one, text in zip(found, says, strict=True)] == says


def test_an_entry_without_parameters_says_so() -> None:
    """The error would offer a choice of nothing."""
    found = problems(Entry(name="x"), RunTable(task="x", parameters={"a": 1}), [])
    assert found == ["parameters.a: this entry of the catalogue has no parameters"]


def test_an_array_needs_its_proof() -> None:
    """An array would count as a success because its last element was one."""
    array = Entry(name="arr", is_array=True)
    [found] = problems(array, RunTable(task="arr"), [])
    assert found.startswith("proof is missing: this is an array")
    assert problems(array, RunTable(task="arr", proof=("out_*.txt",)), []) == []


def test_a_switch_that_is_off_is_not_sent() -> None:
    """The service takes any value of a switch for on."""
    both = table(parameters={"verbose": False, "text": ["a", "b"], "count": 3, "ratio": True})
    assert fields(both) == [("text", "a"), ("text", "b"), ("count", "3"), ("ratio", "true")]
    assert files(table(files={"a": ["x.1", "y.2"], "b": "z.3"})) == [
        ("a", "x.1"),
        ("a", "y.2"),
        ("b", "z.3"),
    ]


def record(task: str = "echo-file", *params: tuple[str, str]) -> Record:
    """Return what the service says of a run."""
    given = [{"name": name, "value": value} for name, value in params]
    return Record.model_validate(
        {
            "uuid": "7e3c6b37-8677-4942-aca3-27fed202daf7",
            "task": task,
            "status": "job is running",
            "params": given,
        }
    )


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (record("echo-file", ("input_file", "input_file.txt"), ("text", "a")), None),
        (record("echo", ("input_file", "input_file.txt"), ("text", "a")), 'it runs "echo", not'),
        (record("echo-file", ("input_file", "input_file.txt")), 'parameter "text" was not taken'),
        (
            record("echo-file", ("input_file", "input_file.txt"), ("text", "b")),
            'parameter "text" was not taken as "a"',
        ),
        (record("echo-file", ("text", "a")), 'parameter "input_file" has 0 of 1 files'),
        (
            record("echo-file", ("input_file", "0.txt"), ("input_file", "1.txt"), ("text", "a")),
            'parameter "input_file" has 2 of 1 files',
        ),
    ],
)
def test_a_run_that_is_not_what_was_asked_for_is_noticed(found: Record, says: str | None) -> None:
    """The result of another run, or of half the parameters, would be taken for the job's."""
    told = differs(found, table(parameters={"text": "a"}))
    assert told == says if says is None or told is None else told.startswith(says)


def test_a_value_given_twice_must_be_taken_twice() -> None:
    """A repeated value that was taken once would pass."""
    twice = RunTable(task="echo-file", parameters={"text": ("a", "a")})
    assert differs(record("echo-file", ("text", "a"), ("text", "a")), twice) is None
    assert differs(record("echo-file", ("text", "a")), twice) is not None
