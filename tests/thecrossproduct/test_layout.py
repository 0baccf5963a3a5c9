"""Where things lie over there, and how a spec refers to them."""

from pydantic import JsonValue

from orchestrator.backend import Run
from orchestrator.backends.thecrossproduct.layout import (
    folder,
    input_uri,
    output_prefix,
    references,
    resolved,
)
from orchestrator.core.spec import Outputs

RUN = Run("orch-h-1", "job", "name", 1, {}, Outputs())


def test_every_run_has_a_folder_of_its_own() -> None:
    """Two runs would write over each other's outputs, or a clean-up remove another run's files."""
    other = Run("orch-h-12", "job", "name", 2, {}, Outputs())
    assert folder("root", RUN) == "root/orch-h-1/"
    assert not folder("root", other).startswith(folder("root", RUN))
    assert input_uri("root", RUN, "a/b.csv") == "root/orch-h-1/in/a/b.csv"
    assert output_prefix("root", RUN) == "root/orch-h-1/out"


def test_references_are_found_anywhere() -> None:
    """An app would be given a table of ours instead of the address of a file."""
    inputs: dict[str, JsonValue] = {
        "rails": {"input": "a.csv"},
        "deep": {"list": [1, {"input": "b/c.csv"}, [{"input": "d"}]], "text": "input"},
    }
    assert references(inputs) == {"a.csv", "b/c.csv", "d"}
    at = "root/orch-h-1/in"
    assert resolved(inputs, "root", RUN) == {
        "rails": f"{at}/a.csv",
        "deep": {"list": [1, f"{at}/b/c.csv", [f"{at}/d"]], "text": "input"},
    }


def test_only_the_very_form_is_a_reference() -> None:
    """What an app itself calls "input" would be replaced, and lost."""
    inputs: dict[str, JsonValue] = {
        "input": "x",
        "table": {"input": 3},
        "more": {"input": "a", "other": 1},
    }
    assert references(inputs) == set()
    assert resolved(inputs, "root", RUN) == inputs
