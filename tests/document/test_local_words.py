"""What a person reads who made mistakes in a local job: all of them at once, in plain words."""

import pytest

from orchestrator.document import ProblemsError, read_spec
from orchestrator.registry import kinds

MISTAKES = b"""\
[run]
command = "solve beam.inp"
cwd = "/tmp"
env = { ORCHESTRATOR_KEY = "x", DEPTH = 3 }
"""


def test_every_mistake_is_told_with_its_place() -> None:
    """A user would mend one mistake after the other, each with another drop into the spool."""
    models = {"local": kinds()["local"].run}
    with pytest.raises(ProblemsError) as caught:
        read_spec(MISTAKES, "beam.toml", models, default_name="beam")
    assert [str(problem) for problem in caught.value.problems] == [
        (
            'beam.toml:2:1: run.command: expected a list such as ["python3", "run.py"]'
            ' (shell text goes into `script`), found "solve beam.inp"'
        ),
        (
            "beam.toml:3:1: run.cwd: expected a folder inside the run's directory: relative, and"
            " without '..', found \"/tmp\""
        ),
        (
            "beam.toml:4:33: run.env.DEPTH: expected text without NUL, or a reference"
            ' { secret = "name" }, found a number that is not shown here'
        ),
    ]
