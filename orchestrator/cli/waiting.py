"""Waiting until a service shows what a run has left by now: the only wait that a person sees."""

import time
from collections.abc import Callable, Iterator

from pydantic import BaseModel, JsonValue

from orchestrator.cli import screen
from orchestrator.daemon.looking import SHOWN, SYNC

FIRST_LOOK = 0.1  # of the time that it may take
LATER = 1.5  # times the pause before: each look is a call, and an account has few of them


class _Told(BaseModel):
    """What is shown, as a text that differs when that differs; seconds until it is surely new."""

    shown: str
    within: float | None


def bring_to_light(backend: str, asked: Callable[[str], JsonValue]) -> None:
    """Have a run's outputs shown, and wait until they are, twice the same, or its time is over.

    Raises the five errors.
    """
    before = _Told.model_validate(asked(SYNC))
    if not before.within:
        return
    screen.note(
        f"orchestrator: {backend} was asked to show what the run has left by now, which may take"
        f" {screen.span(before.within)}; interrupting harms nothing"
    )
    last = before.shown
    for pause in pauses(before.within):
        time.sleep(pause)
        told = _Told.model_validate(asked(SHOWN))
        if told.shown == last != before.shown:
            return
        last = told.shown
    if last == before.shown:
        screen.note(f"orchestrator: {backend} shows nothing new; what it shows is fetched")


def pauses(within: float) -> Iterator[float]:
    """Yield seconds, ever more of them, that add up to a time."""
    pause = within * FIRST_LOOK
    while within > pause:
        yield pause
        within -= pause
        pause *= LATER
    yield within
