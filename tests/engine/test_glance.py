"""What tells one listing of a live run from the next."""

import pytest

from orchestrator.backend import Output
from orchestrator.engine.glance import told_apart

SHOWN = [Output("a", 5), Output("simulation.json", 308, log=True)]


def test_what_a_service_says_of_a_live_run_is_no_new_output() -> None:
    """`fetch --now` would end too early, with old files: the cost in the record had grown."""
    later = [Output("a", 5), Output("simulation.json", 309, log=True)]
    assert told_apart(later) == told_apart(SHOWN)


@pytest.mark.parametrize("now", [[Output("a", 6)], [Output("a", 5), Output("b", 1)], []])
def test_an_output_that_changed_is_told(now: list[Output]) -> None:
    """`fetch --now` would wait in vain for what has come."""
    assert told_apart([*now, SHOWN[1]]) != told_apart(SHOWN)
