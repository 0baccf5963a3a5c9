"""The steady clock: what waits for proof is never cut short by a clock that was set."""

from dataclasses import replace

import pytest

from orchestrator.daemon.clock import elapsed_since, read_anchor, start_clock
from orchestrator.store.home import Anchor

THEN = Anchor(steady=500.0, boot_seconds=1000.0, boot_id="a", wall=1_000_000.0)
DAY = 86400.0


@pytest.mark.parametrize(
    ("now", "passed"),
    [
        (replace(THEN, boot_seconds=1060.0, wall=THEN.wall + 60), 60.0),
        (replace(THEN, boot_seconds=1060.0, wall=THEN.wall - 3600), 60.0),
        (replace(THEN, boot_seconds=1060.0, wall=THEN.wall + 400 * DAY), 60.0),
        (replace(THEN, boot_id="b", boot_seconds=5.0, wall=THEN.wall + 90), 90.0),
        (replace(THEN, boot_id="b", boot_seconds=5.0, wall=THEN.wall - 90), 0.0),
        (replace(THEN, boot_id="b", boot_seconds=5.0, wall=THEN.wall + 2 * DAY), 0.0),
    ],
    ids=["same boot", "wall set back", "wall set on", "reboot", "reboot, back", "reboot, far on"],
)
def test_only_time_that_surely_passed_counts(now: Anchor, passed: float) -> None:
    """A job would be submitted again before its absence is proved."""
    assert elapsed_since(THEN, now) == passed


def test_the_clock_goes_on_from_its_anchor_and_does_not_go_back() -> None:
    """After a restart everything would be due at once, or not for years."""
    last = read_anchor(5_000_000.0)
    clock = start_clock(last)
    readings = [clock().steady for _ in range(1000)]
    assert readings == sorted(readings)
    assert 0 <= readings[0] - 5_000_000.0 < 5.0
