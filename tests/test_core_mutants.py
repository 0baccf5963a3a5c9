"""The judgement on mutants of core, and the table of those that no test can catch."""

import pytest

from tests.conftest import ROOT
from tests.core_mutants import Fault, explanations, judge

SEEN, UNSEEN = Fault("names.f", ("- a", "+ b")), Fault("names.g", ("- a", "+ b"))


def test_a_survivor_without_a_reason_is_told_from_one_with() -> None:
    """A hole in the tests of core would pass for explained."""
    assert judge([SEEN], {SEEN}) == ({}, set())
    assert judge([SEEN, UNSEEN], {SEEN}) == ({UNSEEN: 1}, set())


def test_a_reason_that_fits_nothing_is_told() -> None:
    """Reasons would pile up, and cover a later hole in the tests that looks alike."""
    assert judge([SEEN], {SEEN, UNSEEN}) == ({}, {UNSEEN})


@pytest.mark.parametrize("fault", explanations(), ids=lambda fault: fault.function)
def test_an_explained_line_stands_in_the_source(fault: Fault) -> None:
    """A reason would be for code that is gone; the run that would tell takes minutes."""
    module, *_, function = fault.function.split(".")
    source = (ROOT / f"orchestrator/core/{module}.py").read_text()
    assert f"def {function}(" in source
    lines = {line.strip() for line in source.splitlines()}
    assert {line[2:] for line in fault.diff if line.startswith("- ")} <= lines
