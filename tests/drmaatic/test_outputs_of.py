"""Which files of a run's directory are its outputs."""

from typing import Any

import pytest

from orchestrator.backend import RejectedError, Run
from orchestrator.backends.drmaatic.outputs import left_out, outputs_of, record_file
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.core.spec import Outputs

UUID = "e3e6f424-0df8-41ed-84c6-4dbae2434d45"
ZIP = f"{UUID}.zip"
RECORD = Record.model_validate(
    {
        "uuid": UUID,
        "task": "echo-file",
        "status": "job finished normally",
        "files_name": {"input_file.txt": "in.txt"},
        "ä": 1,
    }
)
NAMES = [
    "input_file.txt",
    ZIP,
    "e3e6f424_out.txt",
    "link.json",
    "files.json",
    "result.json",
    "empty.bin",
    "e3e6f424_err.txt",
    "dir with space/ä file.txt",
]
LOGS = {"job.json", "e3e6f424_out.txt", "e3e6f424_err.txt"}
RESULTS = {"link.json", "result.json", "empty.bin", "dir with space/ä file.txt"}


def chosen(outputs: dict[str, Any] | None = None, **options: Any) -> set[str]:
    """Return the names of the outputs of a run with this spec; its logs must be there."""
    spec = Outputs.model_validate(outputs or {})
    run = Run("k", "j", "n", 1, {"task": "echo-file", **options}, spec)
    found = outputs_of(run, RECORD, NAMES)
    assert {one.name for one in found if one.log} == LOGS
    return {one.name for one in found if not one.log}


@pytest.mark.parametrize(
    ("outputs", "names"),
    [
        ({}, RESULTS),
        ({"exclude": ["*.bin"]}, RESULTS - {"empty.bin"}),
        ({"include": ["*.json"]}, {"link.json", "result.json", "files.json"}),
        ({"include": ["input_file.txt"]}, {"input_file.txt"}),
        ({"include": ["**"]}, {*RESULTS, "input_file.txt", "files.json"}),
        ({"include": ["*.zip"]}, {ZIP}),
        ({"include": ["*.txt"]}, {"input_file.txt", "dir with space/ä file.txt"}),
    ],
)
def test_what_the_run_left_is_its_output_and_nothing_else(
    outputs: dict[str, Any], names: set[str]
) -> None:
    """Inputs would come back as results, or every result twice: once in the service's archive."""
    assert chosen(outputs) == names


def test_the_archive_alone_is_fetched_where_it_is_asked_for() -> None:
    """A run with thousands of files would cost as many calls."""
    assert chosen(take="zip") == {ZIP}
    assert chosen({"include": ["*.json"]}, take="zip") == {ZIP}
    NAMES.remove(ZIP)
    try:
        assert chosen(take="zip") == RESULTS
    finally:
        NAMES.append(ZIP)


def test_a_pattern_that_is_none_is_told() -> None:
    """It would be a traceback in the daemon's log."""
    run = Run("k", "j", "n", 1, {"task": "x"}, Outputs.model_construct(include=("a//b",)))
    with pytest.raises(RejectedError, match="outputs: 'a//b'"):
        outputs_of(run, RECORD, NAMES)


def test_the_service_s_record_is_kept_whole() -> None:
    """What the service said of a run could not be looked up later."""
    text = record_file(RECORD).decode()
    assert f'"uuid": "{UUID}"' in text
    assert '"ä": 1' in text


@pytest.mark.parametrize("name", ["", ".", "..", "a//b", "a/../b", "/etc/x", "a\nb", "a" * 4096])
def test_what_cannot_be_asked_for_keeps_nothing_else_away(name: str) -> None:
    """One odd name would keep every result of a run from being fetched."""
    run = Run("k", "j", "n", 1, {"task": "echo-file"}, Outputs())
    found = outputs_of(run, RECORD, ["result.json", name])
    assert [one.name for one in found if not one.log] == ["result.json"]
    assert "left-out.txt" in {one.name for one in found if one.log}
    told = left_out(["result.json", name]).decode()
    assert repr(name)[:100] in told
    assert len(told) < 400
