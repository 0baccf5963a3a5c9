"""How many calls an account has, and who may use them. Pure: time is given.

Every use has a share of each budget. Within its share a use takes whatever calls are left; beyond
it, only what the others could not claim. So what nobody claims is first come, first served, and
nobody starves.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.headers import A_DAY

PARTS = 20  # a period is counted in so many parts, so that a count stays small

# Of twenty calls, so many are a use's own; eight are nobody's. Of 100 calls an hour an account
# that only watches has 60 for it, one a minute; a burst of submits still leaves it one in three
# minutes. Fetching has more than submitting, since what has run should not wait for what has not,
# and a cancel is one call: ten at once, however busy the account.
SHARES = {Use.POLL: 4, Use.TRANSFER: 4, Use.SUBMIT: 1, Use.CANCEL: 2, Use.ASK: 1}
WHOLE = 20
CANCEL_TRIES = 300.0  # seconds; see _as_held_against

PERIODS = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour", A_DAY: "a day"}


class Spent(NamedTuple):
    """Calls of ours that count until a moment."""

    until: float
    calls: Mapping[Use, int]


@dataclass(frozen=True, slots=True)
class Budget:
    """`limit` calls in any `period` (seconds), or until it `ends` where there is no period.

    `foreign` are calls that were not ours, or that we forgot; they count until a moment, too.
    Nothing is known of a budget once it has ended.
    """

    limit: int
    period: float | None = None
    ends: float = math.inf
    spent: tuple[Spent, ...] = ()
    foreign: int = 0
    foreign_until: float = 0.0

    @property
    def longest(self) -> float:
        """For how many seconds a call may count; 0 where that is until the budget ends."""
        return (self.period or 0.0) * (PARTS + 1) / PARTS


def spend(now: float, budget: Budget, uses: Iterable[Use]) -> Budget:
    """Count calls that have ended: the service saw them at this moment or before.

    The calls of one part of a period count until the last moment of it is a period old: rather too
    long than too short.
    """
    if budget.period is None:
        until = budget.ends
    else:
        part = budget.period / PARTS
        until = (math.floor(now / part) + 1) * part + budget.period
    spent = {one.until: one.calls for one in budget.spent if one.until > now}
    spent[until] = Counter(spent.get(until)) + Counter(uses)
    return replace(budget, spent=tuple(Spent(*one) for one in sorted(spent.items())))


def learn(now: float, budget: Budget, used: int) -> Budget:
    """Take what is above our own count for calls of others.

    Calls under way are not among our own yet: the service may have seen them or not.
    """
    until = budget.ends if budget.period is None else now + budget.period
    return replace(budget, foreign=max(0, used - used_by_us(now, budget)), foreign_until=until)


def used_by_us(now: float, budget: Budget) -> int:
    """Return how many of our own calls that have ended still count."""
    return _ours(now, budget).total()


def room(now: float, budget: Budget, under_way: Mapping[Use, int], use: Use) -> int:
    """Return how many more calls of this use may be made now."""
    budget = _as_held_against(use, budget)
    if now >= budget.ends:
        return budget.limit
    used, whole = _ours(now, budget, under_way), _whole(now, budget)
    left = whole - used.total()
    own = _share(whole, use) - used[use]
    claims = sum(max(0, _share(whole, other) - used[other]) for other in Use if other is not use)
    return max(0, min(left, own), left - claims)


def free_in(now: float, budget: Budget, under_way: Mapping[Use, int], use: Use) -> float:
    """Return the seconds until a call of this use may be made."""
    budget = _as_held_against(use, budget)
    for until in sorted({one.until for one in budget.spent} | {budget.foreign_until, budget.ends}):
        if now < until < math.inf and room(until, budget, under_way, use) > 0:
            return until - now
    return budget.longest  # it waits for calls that are under way


def pace(
    now: float, budget: Budget, under_way: Mapping[Use, int], calls: int, *, wanted: bool
) -> float:
    """Return the seconds to leave between two looks that cost so many calls each.

    Then whole looks use what other uses left of the last period and do not claim, but never less
    than the polls' own share, and find room: a look that is held half-way is a look for nothing.
    `wanted`: other uses wait for budget, so they leave nothing.
    """
    if now >= budget.ends:
        return 0.0
    if budget.period is None:
        seconds, polls = budget.ends - now, room(now, budget, under_way, Use.POLL)
    else:
        used, whole = _ours(now, budget, under_way), _whole(now, budget)
        others = sum(max(used[use], _share(whole, use)) for use in Use if use is not Use.POLL)
        polls = max(_share(whole, Use.POLL), 0 if wanted else whole - others)
        seconds = budget.longest + budget.period / PARTS  # one part more: replies may be late
    polls = max(1, polls)
    return seconds / (polls // calls or polls / calls)


def sentence(now: float, budget: Budget) -> str:
    """Return how a budget stands, for people."""
    used, foreign = _ours(now, budget), _foreign(now, budget)
    uses = ", ".join(f"{count} to {use.value}" for use, count in used.most_common())
    if budget.period is None:
        per = f"until it begins anew in {span(budget.ends - now)}"
    else:
        per = PERIODS[budget.period]
    others = f", {foreign} of them not by us" if foreign else ""
    return f"{budget.limit} calls {per}, {used.total() + foreign} used{others}" + (
        f"; of ours {uses}" if uses else ""
    )


def shortage(now: float, budget: Budget, under_way: Mapping[Use, int], seconds: float) -> str:
    """Return why a call that has no room must wait for so long, for people."""
    left = max(0, _whole(now, budget) - _ours(now, budget, under_way).total())
    kept = ", all kept for other uses" if left else ""
    wait = span(seconds)
    if budget.period is None:
        return (
            f"by the service's count {left} of {budget.limit} calls are left{kept};"
            f" it begins anew in {wait}"
        )
    per, foreign = PERIODS[budget.period], _foreign(now, budget)
    others = f", {foreign} were not by us" if foreign else ""
    return (
        f"{left} of {budget.limit} calls {per} are left{kept}{others}; the next is free in {wait}"
    )


def span(seconds: float) -> str:
    """Return a span of time for people: "12 min"."""
    for unit, name in ((A_DAY, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 1):.0f} s"


def _ours(now: float, budget: Budget, under_way: Mapping[Use, int] | None = None) -> Counter[Use]:
    used = Counter(under_way)
    for one in budget.spent:
        if one.until > now:
            used.update(one.calls)
    return used


def _as_held_against(use: Use, budget: Budget) -> Budget:
    """Return a budget as a use is to see it.

    That others have used up an account holds a cancel for a few minutes only, then it is tried: the
    service's period may have begun anew, and a refused call costs less than a run that goes on.
    """
    if use is not Use.CANCEL or budget.period is None:
        return budget
    earlier = max(0.0, budget.period - CANCEL_TRIES)
    return replace(budget, foreign_until=budget.foreign_until - earlier)


def _foreign(now: float, budget: Budget) -> int:
    return budget.foreign if now < budget.foreign_until else 0


def _whole(now: float, budget: Budget) -> int:
    """Return how many calls are ours to share."""
    return max(0, budget.limit - _foreign(now, budget))


def _share(whole: int, use: Use) -> int:
    return whole * SHARES[use] // WHOLE
