"""One governor for each account: every call passes it, whoever makes it."""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent import futures
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import anyio
from anyio import from_thread

from orchestrator.backend import QuotaError
from orchestrator.backends.http import kept
from orchestrator.backends.http.account import Account, parse_rate
from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budgets import configured, in_words, pace
from orchestrator.backends.http.standing import Held, Outcome, Standing, admit, at_rest, ended
from orchestrator.core.now import Now
from orchestrator.core.pacing import LONGEST_SPREAD

SAVE_EVERY = 1.0  # seconds; what the last second changed may be lost


def steady() -> float:
    """Return seconds that run on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class Permit:
    """Leave for one call. What came of it is to be noted here before it is given back."""

    outcome: Outcome = field(default=Outcome("nothing"))


class Governor:
    """Decides which calls of an account may go out, and learns from what comes of them.

    `steady`, `wall` (seconds) and `u` (from [0, 1)) are given for tests.
    """

    def __init__(
        self,
        account: Account,
        directory: Path,
        *,
        name: str,
        steady: Callable[[], float] = steady,
        wall: Callable[[], float] = time.time,
        u: Callable[[], float] = random.random,
    ) -> None:
        # The first are for long calls only.
        self._places = [anyio.Semaphore(max(1, n)) for n in (account.at_once - 1, account.at_once)]
        self._directory, self._name = directory, name
        self._steady, self._wall, self._u = steady, wall, u
        found = kept.load(directory, Now(steady(), wall()))
        standing = found.standing if found else Standing()
        rate = parse_rate(account.calls) if account.calls else None
        self._standing = replace(standing, budgets=configured(standing.budgets, rate))
        self._wanted_until = 0.0  # until then other calls than polls wait for their turn
        self._saved_at = -SAVE_EVERY

    @asynccontextmanager
    async def admit(
        self, use: Use, *, limit: float = 30.0, long: bool = False
    ) -> AsyncIterator[Permit]:
        """Give leave for one call, after at most `limit` seconds until fewer are under way.

        A `long` one moves bytes: such calls leave one place to all others, where there is more than
        one. Raises QuotaError (effect none), with the time to come again, instead of waiting for
        budget.
        """
        permit = await self._enter(use, limit, long=long)
        try:
            yield permit
        finally:
            self._leave(use, permit, long=long)

    @contextmanager
    def admit_thread(self, use: Use, *, limit: float = 30.0) -> Iterator[Permit]:
        """Give leave for one `long` call to a worker thread of the event loop, likewise.

        A thread that waits ends with the task that started it.
        """
        try:
            permit = from_thread.run(partial(self._enter, use, limit, long=True))
        except futures.CancelledError:
            from_thread.check_cancelled()
            raise
        try:
            yield permit
        finally:
            from_thread.run_sync(partial(self._leave, use, permit, long=True))

    def pace(self, calls: int) -> float:
        """Return the seconds to leave between two looks of so many calls each.

        Looks that come so far apart use what other uses left of each budget in its last period, and
        are not refused; while others wait, that is the polls' own share. 0.0 without a budget.
        """
        now, it = self._steady(), self._standing
        return pace(now, it.budgets, it.under_way, calls, wanted=now < self._wanted_until)

    def close(self) -> None:
        """Keep on disk how the account stands."""
        self._save(at_once=True)

    async def _enter(self, use: Use, limit: float, *, long: bool) -> Permit:
        self._admitted(use)  # nobody waits for a place only to be turned away
        async with AsyncExitStack() as stack:
            with anyio.move_on_after(limit) as waiting:
                for places in self._places[0 if long else 1 :]:
                    await stack.enter_async_context(places)
            if waiting.cancelled_caught:
                raise QuotaError(
                    f"{self._name}: as many calls as it may have at once were under way for"
                    f" {limit:.0f} s",
                    effect="none",
                )
            self._standing = self._admitted(use)
            stack.pop_all()  # `_leave` gives them back
        return Permit()

    def _leave(self, use: Use, permit: Permit, *, long: bool) -> None:
        for places in self._places[0 if long else 1 :]:
            places.release()
        before = self._standing
        self._standing = ended(self._steady(), before, use, permit.outcome, self._u())
        self._save(at_once=self._standing.open_until != before.open_until)

    def _admitted(self, use: Use) -> Standing:
        answer = admit(self._steady(), self._standing, use)
        if isinstance(answer, Held):
            if use is not Use.POLL:  # it comes again when it was told, or a little later
                until = self._steady() + answer.seconds + LONGEST_SPREAD
                self._wanted_until = max(self._wanted_until, until)
            raise QuotaError(
                f"{self._name}: {answer.why}", effect="none", retry_after=answer.seconds
            )
        return answer

    def _save(self, *, at_once: bool) -> None:
        now = self._steady()
        if at_once or now - self._saved_at >= SAVE_EVERY:
            self._saved_at = now
            still = at_rest(now, self._standing)
            kept.save(self._directory, self._name, still, Now(now, self._wall()))


def read_standing(directory: Path) -> list[str]:
    """Return what is held back at the account that keeps its things here, in sentences.

    For people, without a daemon and without a call.
    """
    now = Now(steady(), time.time())
    found = kept.load(directory, now)
    if found is None:
        return []
    held = admit(now.steady, found.standing, Use.POLL)
    return [f"{found.name}: {held.why}"] if isinstance(held, Held) else []


def read_budgets(directory: Path) -> list[str]:
    """Return how many calls that account may make and has made, in sentences, likewise."""
    now = Now(steady(), time.time())
    found = kept.load(directory, now)
    if found is None:
        return []
    return [f"{found.name}: {it}" for it in in_words(now.steady, found.standing.budgets)]
