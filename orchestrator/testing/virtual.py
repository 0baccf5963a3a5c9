"""An asyncio loop in virtual time: waiting costs nothing, and the same inputs give the same run."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

STEPS_IN_ONE_MOMENT = 50_000


class DeadlockError(Exception):
    """Every task waits and nothing is scheduled: in real life this would hang for ever."""


class HotLoopError(Exception):
    """The loop turned and turned without time going on: in real life a processor at 100 %."""


class _Clock(selectors.SelectSelector):
    """Instead of waiting for files, lets the time go on to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.before_step: Callable[[], None] | None = None
        self.elsewhere: Callable[[], bool] = bool
        self._steps_here = 0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout != 0 and self.elsewhere():
            return super().select(None)
        if timeout is None:
            raise DeadlockError("every task waits, and no timer is set")
        self._steps_here += 1
        if timeout > 0:
            self.now += timeout
            self._steps_here = 0
        if self._steps_here > STEPS_IN_ONE_MOMENT:
            raise HotLoopError(f"{STEPS_IN_ONE_MOMENT} steps while the clock stood still")
        if self.before_step is not None:
            self.before_step()
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose `time()` begins at 0 and jumps to the next timer when all tasks wait.

    `before_step`, when set, is called between any two steps of the loop: every task is at an
    `await` then, which makes it the place to let a simulated process vanish.
    """

    def __init__(self) -> None:
        self._clock = _Clock()
        super().__init__(self._clock)

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._clock.now

    def before_each_step(self, call: Callable[[], None]) -> None:
        """Have a function called between any two steps."""
        self._clock.before_step = call

    def stand_still_while(self, elsewhere: Callable[[], bool]) -> None:
        """Let no time go by while this says that a worker thread is at work for a task."""
        self._clock.elsewhere = elsewhere
