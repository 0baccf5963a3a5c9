"""The run's folder over there, and the names that the service takes."""

from typing import Any

import pytest

from orchestrator.backend import RejectedError, Run
from orchestrator.backends.cloudhpc.layout import check_names, folder, is_surely_before
from orchestrator.core.spec import Outputs


def run(name: str, key: str = "orch-h0me-000000000001") -> Run:
    """Return a run of a job of this name."""
    parts: dict[str, Any] = {"job_id": "0" * 12, "number": 1, "options": {}, "outputs": Outputs()}
    return Run(key=key, job_name=name, **parts)


@pytest.mark.parametrize(
    ("name", "prefix"),
    [
        ("beam", "beam-"),
        ("Träger 7 (neu)", "Tr-ger-7-neu-"),
        ("../../etc", "etc-"),
        ("x" * 300, "x" * 40 + "-"),
        ("$#~", ""),
    ],
)
def test_a_folder_shows_the_job_and_is_the_attempts_alone(name: str, prefix: str) -> None:
    """Two runs would overwrite each other, or a run would fail late for its folder's name."""
    assert folder(run(name)) == f"{prefix}orch-h0me-000000000001"
    assert folder(run(name)) != folder(run(name, "orch-h0me-000000000002"))
    check_names([folder(run(name))])


@pytest.mark.parametrize("bad", ",()'$~\"#*? ")
def test_a_forbidden_character_is_named(bad: str) -> None:
    """A run would be paid for, and say in its output only that it began with nothing."""
    with pytest.raises(RejectedError) as caught:
        check_names(["fine.inp", f"a{bad}b.inp"])
    assert caught.value.effect == "none"
    assert ("a space" if bad == " " else bad) in str(caught.value)
    assert "give it another name" in str(caught.value)


def test_other_names_pass() -> None:
    """Sound inputs would be refused."""
    check_names(["a.inp", "sub/b_1-2.INP", "é+=@%&[].dat"])


@pytest.mark.parametrize(("name", "says"), [("upload.tar.gz", "all inputs"), ("a\nb", "holds")])
def test_what_cannot_be_sent_under_its_name_is_refused(name: str, says: str) -> None:
    """An input would hide the archive that holds it, or break a line of the service."""
    with pytest.raises(RejectedError, match=says):
        check_names([name])


@pytest.mark.parametrize(
    ("created", "begun", "before"),
    [
        ("2026-01-01T00:00:00Z", "2026-01-03 00:00:00", True),
        ("2026-01-01T00:00:00.123Z", "2026-01-01 13:00:00", False),  # a zone may explain it
        ("2026-01-01T00:00:00Z", "2026-01-01 15:00:00", True),
        ("2026-01-03T00:00:00Z", "2026-01-01 00:00:00", False),
        ("", "2026-01-01 00:00:00", False),
        ("yesterday", "2026-01-01 00:00:00", False),
        ("2026-01-01T00:00:00Z", "", False),
    ],
)
def test_only_what_is_surely_older_counts_as_such(
    created: str, begun: str, *, before: bool
) -> None:
    """Results would be left behind for a zone that nobody tells, or an earlier run's be taken."""
    assert is_surely_before(created, begun) is before
