"""One look at the list of simulations answers for all runs of the account."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from anyio import Lock

from orchestrator.backend import ProtocolError, QuotaError
from orchestrator.backends.cloudhpc import simulations
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.replies import Simulation
from orchestrator.backends.cloudhpc.search import Search
from orchestrator.backends.http import Use

LOOK_LIVES = 1800.0  # seconds; what a look saw before it was held is not used for longer
MOST_PAGES = 1000  # a list that never ends is a fault over there


@dataclass(frozen=True, slots=True)
class Look:
    """What a look showed: when it began (seconds), the rows by id, how many pages it took."""

    at: float
    rows: Mapping[int, Simulation]
    pages: int


@dataclass(frozen=True, slots=True)
class _Begun:
    """A look that was held half-way: when it began, and what it has seen."""

    at: float
    search: Search
    rows: dict[int, Simulation] = field(default_factory=dict)


@dataclass(slots=True)
class Listing:
    """The list of an account's simulations, and what was learnt of it.

    `highest` is the highest id that was ever seen, None before any.
    """

    calls: Calls
    highest: int | None = None
    _begun: _Begun | None = None
    _seen_on: dict[int, int] = field(default_factory=dict)
    _asking: Lock = field(default_factory=Lock)  # runs that are staged together ask once

    def learn(self, id_: int) -> None:
        """Note an id that the service told in another way."""
        self.highest = max(id_, self.highest or 0)

    async def look(self, wanted: Collection[int], at: float) -> Look:
        """Look for these ids, on as few pages as it takes; what is missing is on no page.

        A look that is held for want of budget goes on where it was: its pages cost calls.
        """
        begun = self._begun
        if begun is None or at - begun.at > LOOK_LIVES:
            begun = _Begun(at, Search(wanted, self._seen_on))
        self._begun = None
        search = begun.search
        search.want(wanted)
        try:
            while (number := search.next()) is not None:
                if search.pages >= MOST_PAGES:
                    raise _too_long()
                found = await self._page(number, Use.POLL)
                search.take(number, [row.id for row in found])
                begun.rows.update({row.id: row for row in found})
        except QuotaError:
            self._begun = begun
            raise
        self._seen_on = {id_: search.seen_on[id_] for id_ in wanted if id_ in search.seen_on}
        return Look(begun.at, begun.rows, search.pages)

    async def newest(self, use: Use) -> int:
        """Return the highest id of the account, 0 when it has no simulation."""
        async with self._asking:
            if self.highest is None:
                rows = await simulations.page(self.calls, 1, use)
                self.learn(rows[0].id if rows else 0)
        return self.highest or 0

    async def down_to(self, floor: int, use: Use) -> list[Simulation]:
        """Return every simulation from the newest down to one at or below `floor`, or to the end.

        Raises ProtocolError when the list ends before it, or lacks what is known to be newer: it
        lags behind, or a page of it is missing.
        """
        rows: dict[int, Simulation] = {}
        newest = max(floor, self.highest or 0)
        for number in range(1, MOST_PAGES + 1):
            found = await self._page(number, use)
            rows |= {row.id: row for row in found}
            if max(rows, default=0) < newest:
                text = f"the list of simulations lacks {newest}, which was known"
                raise ProtocolError(text, effect="none")
            if not found and floor:
                text = f"the list of simulations ends before {floor} is reached"
                raise ProtocolError(text, effect="none")
            if not found or min(rows) <= floor:
                return list(rows.values())
        raise _too_long()

    async def _page(self, number: int, use: Use) -> list[Simulation]:
        rows = await simulations.page(self.calls, number, use)
        if rows:
            self.learn(rows[0].id)
        return rows


def _too_long() -> ProtocolError:
    return ProtocolError(f"the list of simulations has over {MOST_PAGES} pages", effect="none")
