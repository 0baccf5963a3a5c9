"""The job spec as a model: for what is built in the program, not read from a file."""

import json
from datetime import timedelta

import pytest
from pydantic import ValidationError

from orchestrator.core.spec import JobSpec, Limits, check_name


@pytest.mark.parametrize("name", ["a", "7", "a.b_c-D", "x" * 64])
def test_good_names(name: str) -> None:
    """A job could not be called by its name."""
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", ".a", "-a", "_a", "a b", "a/b", "a\n", "ä", "x" * 65, "a\0"])
def test_bad_names(name: str) -> None:
    """A name could be an option, a path, or a second line of the log."""
    with pytest.raises(ValueError, match=r"^expected") as caught:
        check_name(name)
    assert str(caught.value) == (
        "expected a name of at most 64 letters, digits, dots, underscores and hyphens that begins"
        " with a letter or digit"
    )


def test_a_spec_says_its_times_in_seconds() -> None:
    """A time limit would be read back as another one."""
    spec = JobSpec(name="a", run={}, limits=Limits(time=timedelta(minutes=90)))
    kept = json.loads(spec.model_dump_json())
    assert kept["limits"] == {"time": 5400.0, "deadline": None}
    assert kept["retry"]["delay"] == 10.0
    assert JobSpec.model_validate(kept) == spec


def test_a_spec_does_not_change_and_takes_no_unknown_key() -> None:
    """A job could change behind the back of the queue."""
    spec = JobSpec(name="a", run={})
    with pytest.raises(ValidationError, match="frozen"):
        spec.name = "b"  # type: ignore[misc]  # that it is refused is tested
    with pytest.raises(ValidationError, match="Extra inputs"):
        JobSpec.model_validate({"name": "a", "run": {}, "nam": "b"})


def test_a_job_comes_after_each_other_one_once() -> None:
    """A slip would go unnoticed, and with it the job that was meant instead."""
    spec = JobSpec(name="solve", run={}, after=("mesh", "rotor"))
    assert spec.after == ("mesh", "rotor")
    with pytest.raises(ValidationError, match="expected each job once; mesh is there twice"):
        JobSpec(name="solve", run={}, after=("mesh", "rotor", "mesh"))
