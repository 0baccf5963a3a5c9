"""A calculation that takes its time, until somebody wakes it."""

import time
from math import inf
from pathlib import Path

WAKE = "wake"  # a file of this name ends a sleep
LOOK_EVERY = 0.02  # seconds


def sleep(seconds: float = inf) -> None:
    """Sleep so long, unless somebody ends it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not Path(WAKE).exists():
        time.sleep(min(LOOK_EVERY, max(end - time.monotonic(), 0.0)))
