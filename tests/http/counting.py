"""A service that counts calls, and callers that go by what the governor's rules allow them.

Time is simulated. Each call arrives some time after it was let go and is answered some time after
that, so replies overtake each other.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budgets import pace
from orchestrator.backends.http.headers import Count
from orchestrator.backends.http.standing import Held, Outcome, Standing, admit, ended

HOUR, DAY = 3600.0, 86400.0
Hour = Literal["sliding", "by the clock"]


@dataclass(slots=True)
class Service:
    """Counts every call that arrives, and refuses what is over a limit (0: none)."""

    hour: Hour
    hourly: int
    daily: int = 0
    arrived: list[float] = field(default_factory=list)
    refused: int = 0

    def call(self, now: float) -> tuple[Count, ...]:
        """Take one call."""
        told = []
        for limit, period in ((self.hourly, HOUR), (self.daily, DAY)):
            since = now // period * period if self.hour == "by the clock" else now - period
            used = sum(since < at or since == at == now for at in reversed(self.arrived)) + 1
            told.append(Count(limit, used, period))
        self.arrived.append(now)
        self.refused += any(limit and used > limit for limit, used, _ in told)
        return tuple(told)


@dataclass(slots=True)
class World:
    """Who called when. `waits` has how long each call was held before it was let go."""

    service: Service
    draw: random.Random
    now: float = 0.0
    standing: Standing = field(default_factory=Standing)
    let_go: list[tuple[float, Use]] = field(default_factory=list)
    wanted_until: float = 0.0
    waits: dict[Use, list[float]] = field(default_factory=lambda: {use: [] for use in Use})
    _events: list[tuple[float, int, Callable[[], Any]]] = field(default_factory=list)
    _number: Any = field(default_factory=count)

    def at(self, when: float, what: Callable[[], Any]) -> None:
        """Let something happen then."""
        heapq.heappush(self._events, (when, next(self._number), what))

    def run(self, until: float) -> None:
        """Let happen what happens until then."""
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            what()
        self.now = until

    def want(self, use: Use, since: float | None = None) -> None:
        """Make a call as soon as it is let go; whoever is held comes again soon after the time."""
        since = self.now if since is None else since
        answer = admit(self.now, self.standing, use)
        if isinstance(answer, Held):
            again = self.now + answer.seconds + 5 * self.draw.random()
            if use is not Use.POLL:
                self.wanted_until = max(self.wanted_until, again)
            self.at(again, lambda: self.want(use, since))
            return
        self.standing = answer
        self.let_go.append((self.now, use))
        self.waits[use].append(self.now - since)
        arrives = self.now + self.draw.choice((0.01, 0.1, 20.0)) * self.draw.random()
        self.at(arrives, lambda: self._arrive(use))

    def watch(self, pages: int) -> None:
        """Look at so many pages, again and again, as far apart as the pace says."""
        for _ in range(pages):
            self.want(Use.POLL)
        known, way = self.standing.budgets, self.standing.under_way
        seconds = pace(self.now, known, way, pages, wanted=self.now < self.wanted_until)
        self.at(self.now + max(seconds, 15.0), lambda: self.watch(pages))

    def others(self, every: float, times: int) -> None:
        """Let somebody else call."""
        for _ in range(times):
            self.service.call(self.now)
        self.at(self.now + every * (0.5 + self.draw.random()), lambda: self.others(every, times))

    def within(self, start: float, end: float) -> Counter[Use]:
        """Return how many calls were let go from one moment to another."""
        return Counter(use for at, use in self.let_go if start <= at < end)

    def _arrive(self, use: Use) -> None:
        before = self.service.refused
        counts = self.service.call(self.now)
        lost = self.draw.random() < 0.02  # its answer never comes
        refused = self.service.refused > before
        outcome = Outcome("failed") if lost else Outcome("answered", busy=refused, counts=counts)
        back = self.now + (30.0 if lost else self.draw.choice((0.01, 0.1, 10.0)))
        self.at(back, lambda: self._end(use, outcome))

    def _end(self, use: Use, outcome: Outcome) -> None:
        self.standing = ended(self.now, self.standing, use, outcome, self.draw.random())
