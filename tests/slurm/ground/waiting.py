"""Waiting for what comes when it comes."""

import time
from collections.abc import Callable
from typing import TypeVar

PATIENCE = 60.0  # seconds for what takes one at most, on a machine that has other work to do
T = TypeVar("T")


def until(
    look: Callable[[], T | None], what: str = "the state asked for", patience: float = PATIENCE
) -> T:
    """Return the first true answer. Raises TimeoutError when none comes in so many seconds."""
    end = time.monotonic() + patience
    while not (answer := look()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what} has not come in {patience:.0f} s")
        time.sleep(0.01)
    return answer
