"""The contract of places that hold runs back: one that does keeps it, one that errs is caught."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import psutil
import pytest

from orchestrator.backend import (
    Alive,
    Answer,
    Backend,
    Begun,
    Context,
    Finding,
    Finished,
    Found,
    Kind,
    Output,
    Run,
    Submitted,
    Traits,
)
from orchestrator.backends.local import KIND
from orchestrator.testing.contract import OrderContract, Place, open_place
from tests.backends.helpers import BODIES

Fault = Literal["starts at once", "looks at the first only", "takes any end", "cancels nothing"]


@dataclass
class Kept:
    """What the place itself remembers, whatever becomes of the daemon."""

    runs: dict[str, Run] = field(default_factory=dict)
    held: dict[str, tuple[str, ...]] = field(default_factory=dict)
    never: dict[str, Finished] = field(default_factory=dict)


class HoldsBack:
    """The local backend, with runs held back behind others; remote ids are keys there."""

    def __init__(self, inner: Backend, kept: Kept, fault: Fault | None) -> None:
        self._inner, self._kept, self._fault = inner, kept, fault

    def __getattr__(self, verb: str) -> Any:
        """Do all else as the local backend does."""
        return getattr(self._inner, verb)

    @property
    def traits(self) -> Traits:
        """Add that it holds back; what is held back gives no hints."""
        return replace(self._inner.traits, starts_after=True, hints=False)

    async def submit(self, run: Run) -> Submitted | Begun:
        """Start a run, or keep it for later."""
        self._kept.runs[run.key] = run
        if not run.after or self._fault == "starts at once":
            return await self._inner.submit(run)
        self._kept.held[run.key] = run.after
        return Submitted(run.key)

    async def find(self, run: Run) -> Finding:
        """Know also what was not started."""
        if run.key in self._kept.held or run.key in self._kept.never:
            return Found(run.key, "held back")
        return await self._inner.find(run)

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Start what may start; answer for what may not."""
        for key, after in list(self._kept.held.items()):
            await self._let_go(key, after)
        return {run.key: await self._stands(run) for run in runs}

    async def _stands(self, run: Run) -> Answer:
        if run.key in self._kept.held:
            return Alive("held back")
        if run.key in self._kept.never:
            return self._kept.never[run.key]
        return (await self._inner.poll([run]))[run.key]

    async def _let_go(self, key: str, after: tuple[str, ...]) -> None:
        if self._fault == "looks at the first only":
            after = after[:1]
        ends = [await self._stands(self._kept.runs[other]) for other in after]
        ended = [end for end in ends if isinstance(end, Finished)]
        if any(not end.ok for end in ended) and self._fault != "takes any end":
            del self._kept.held[key]
            self._kept.never[key] = Finished(ok=False, reason="one before it has failed")
        elif len(ended) == len(ends):
            del self._kept.held[key]
            await self._inner.submit(self._kept.runs[key])

    async def cancel(self, run: Run) -> None:
        """End what is held back, too."""
        if run.key not in self._kept.held:
            await self._inner.cancel(run)
        elif self._fault != "cancels nothing":
            del self._kept.held[run.key]
            self._kept.never[run.key] = Finished(ok=False, reason="cancelled", stopped="cancel")

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List nothing of what was never started."""
        return [] if run.key in self._kept.never else await self._inner.list_outputs(run)


@asynccontextmanager
async def opened(folder: Path, fault: Fault | None = None) -> AsyncIterator[Place]:
    """Open such a place; leave no process behind."""
    kept = Kept()

    @asynccontextmanager
    async def open_(context: Context, options: Any) -> AsyncIterator[Backend]:
        async with KIND.open(context, options) as inner:
            yield HoldsBack(inner, kept, fault)

    kind: Kind = replace(KIND, open=open_)
    async with open_place(kind, KIND.options(stop_grace="2s"), folder, BODIES) as place:
        yield place
        hello = await place.backend._link.ask("hello")  # type: ignore[attr-defined]
        keeper = psutil.Process(int(hello["pid"]))
        for process in [keeper, *keeper.children(recursive=True)]:
            process.kill()


class TestOrder(OrderContract):
    """A place that does what it says."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        """Open it."""
        async with opened(tmp_path / "place") as place:
            yield place


LETS_THROUGH: dict[Fault, str] = {
    "starts at once": "test_a_run_waits_as_long_as_one_before_it_goes_on",
    "looks at the first only": "test_a_run_waits_as_long_as_one_before_it_goes_on",
    "takes any end": "test_a_run_never_starts_after_a_failure",
    "cancels nothing": "test_a_run_that_is_held_back_can_be_cancelled",
}


@pytest.mark.parametrize("fault", LETS_THROUGH)
async def test_a_place_that_errs_is_caught(
    tmp_path: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A contract that cannot fail would vouch for a service that starts what it must not."""
    monkeypatch.setattr("orchestrator.testing.contract.place.DEADLINE", 1.0)
    async with opened(tmp_path / "place", fault) as place:
        with pytest.raises((AssertionError, TimeoutError)):
            await getattr(OrderContract(), LETS_THROUGH[fault])(place)
