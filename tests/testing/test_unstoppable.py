"""The contract of places that set up first and cannot stop: one that errs is caught."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest

from orchestrator.backend import (
    Absent,
    Answer,
    Backend,
    Begun,
    Context,
    Finding,
    Finished,
    Kind,
    RejectedError,
    Run,
    Submitted,
    Traits,
)
from orchestrator.backends.local import KIND
from orchestrator.testing.contract import BackendContract, Place, UnstoppableContract, open_place
from tests.backends.helpers import BODIES

Fault = Literal[
    "sets up for ever",
    "starts what it sets up",
    "proves what it cannot know",
    "stops all the same",
    "keeps silent",
    "calls any end a stop",
]


class SetsUp:
    """The local backend, which must first be asked for a ticket, and stops nothing."""

    def __init__(self, inner: Backend, fault: Fault | None) -> None:
        self.inner, self._fault = inner, fault

    def __getattr__(self, verb: str) -> Any:
        """Do all else as the local backend does."""
        return getattr(self.inner, verb)

    @property
    def traits(self) -> Traits:
        """Add that it stops nothing."""
        return replace(self.inner.traits, stops=False)

    async def submit(self, run: Run) -> Submitted | Begun:
        """Give a ticket; start only with one."""
        if "ticket" in run.memo and self._fault != "sets up for ever":
            return await self.inner.submit(run)
        if self._fault == "starts what it sets up":
            await self.inner.submit(run)
        return Begun({**run.memo, "ticket": 1})

    async def find(self, run: Run) -> Finding:
        """Know that nothing starts without a ticket."""
        found = await self.inner.find(run)
        if self._fault == "proves what it cannot know":
            return Absent("not asked for", proved=True)
        if "ticket" not in run.memo and isinstance(found, Absent):
            return Absent("not asked for", proved=True)
        return found

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Tell ends as they were."""
        answers = dict(await self.inner.poll(runs))
        for run in runs:
            end = answers[run.key]
            if self._fault == "calls any end a stop" and isinstance(end, Finished) and run.stopping:
                answers[run.key] = replace(end, stopped="cancel")
        return answers

    async def cancel(self, run: Run) -> None:
        """Send people elsewhere."""
        if self._fault == "stops all the same":
            await self.inner.cancel(run)
        if self._fault != "keeps silent":
            raise RejectedError("press stop over there", effect="none")


@asynccontextmanager
async def opened(folder: Path, fault: Fault | None = None) -> AsyncIterator[Place]:
    """Open such a place; leave no process behind."""

    @asynccontextmanager
    async def open_(context: Context, options: Any) -> AsyncIterator[Backend]:
        async with KIND.open(context, options) as inner:
            yield SetsUp(inner, fault)

    async def stop_there(run: Run) -> None:
        assert isinstance(place.backend, SetsUp)
        await place.backend.inner.cancel(run)

    kind: Kind = replace(KIND, open=open_)
    options = KIND.options(stop_grace="2s")
    async with open_place(kind, options, folder, BODIES, stop_there=stop_there) as place:
        yield place
        hello = await place.backend._link.ask("hello")  # type: ignore[attr-defined]
        keeper = psutil.Process(int(hello["pid"]))
        for process in [keeper, *keeper.children(recursive=True)]:
            process.kill()


class TestUnstoppable(BackendContract, UnstoppableContract):
    """A place that does what it says keeps what every place keeps, too."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        """Open it."""
        async with opened(tmp_path / "place") as place:
            yield place


FOUND = "test_a_run_is_found_by_its_key"
SAYS_HOW = "test_a_cancel_says_how_a_person_can_and_changes_nothing"
LETS_THROUGH: dict[Fault, str] = {
    "sets up for ever": FOUND,
    "starts what it sets up": FOUND,
    "proves what it cannot know": FOUND,
    "stops all the same": SAYS_HOW,
    "keeps silent": SAYS_HOW,
    "calls any end a stop": "test_what_ends_by_itself_is_told_as_it_was",
}


@pytest.mark.parametrize("fault", LETS_THROUGH)
async def test_a_place_that_errs_is_caught(
    tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract that cannot fail would vouch for a service that starts a run twice."""
    monkeypatch.setattr("orchestrator.testing.contract.place.DEADLINE", 1.0)
    async with opened(tmp_path / "place", fault) as place:
        with pytest.raises((AssertionError, TimeoutError, pytest.fail.Exception)):
            await getattr(TestUnstoppable(), LETS_THROUGH[fault])(place)
