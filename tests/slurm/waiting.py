"""Waiting for what a run on a real Slurm comes to."""

from collections.abc import Callable

import anyio

from orchestrator.backend import Answer, Finished, Run
from orchestrator.testing.contract import Place


async def until(place: Place, run: Run, fits: Callable[[Answer], bool]) -> Answer:
    """Return the first answer that fits."""
    with anyio.fail_after(30):
        while not fits(answer := await place.poll(run)):  # noqa: ASYNC110 - only asking tells
            await anyio.sleep(0.01)
    return answer


async def runs(place: Place, run: Run) -> Run:
    """Wait until a run has begun its script."""
    begun = anyio.Path(place.options.directory, run.key, "stdout")
    with anyio.fail_after(30):
        while not await begun.exists():  # noqa: ASYNC110 - only looking tells
            await anyio.sleep(0.01)
    return run


async def ended(place: Place, run: Run) -> Finished:
    """Wait for the end of a run."""
    found = await place.end(run)
    assert isinstance(found, Finished), found
    return found
