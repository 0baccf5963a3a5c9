"""The budgets of one account: what was configured, and what its service tells. Pure.

Each has a name: CONFIGURED; WINDOW, which the service tells with its end; and what it tells without
an end by its period.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import itemgetter

from orchestrator.backends.http import budget
from orchestrator.backends.http.account import Rate
from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budget import Budget
from orchestrator.backends.http.headers import Count, Window

CONFIGURED, WINDOW = "configured", "window"
SHORTEST = 0.01  # seconds that a call is held at least

Budgets = Mapping[str, Budget]


def configured(budgets: Budgets, rate: Rate | None) -> dict[str, Budget]:
    """Return the budgets as the account is configured now; what it had spent still counts."""
    others = {name: one for name, one in budgets.items() if name != CONFIGURED}
    if rate is None:
        return others
    ours = budgets.get(CONFIGURED)
    if ours is None or ours.period != rate.period:
        ours = Budget(rate.calls, rate.period)
    return {CONFIGURED: replace(ours, limit=rate.calls), **others}


def counted(
    now: float, budgets: Budgets, use: Use, counts: Iterable[Count], window: Window | None
) -> dict[str, Budget]:
    """Return the budgets with one more call that ended, and with what its reply said of them."""
    known = {name: budget.spend(now, one, [use]) for name, one in budgets.items() if now < one.ends}
    for limit, used, period in counts:
        name = f"{period:.0f} s"
        told = known.get(name) or budget.spend(now, Budget(limit, period), [use])
        known[name] = budget.learn(now, replace(told, limit=limit), used)
    if window:
        ends, remaining = now + window.resets_in, int(window.remaining)
        told = known.get(WINDOW) or budget.spend(now, Budget(0, ends=ends), [use])
        limit = int(window.limit or remaining + budget.used_by_us(now, told))
        told = replace(told, limit=limit, ends=ends)
        known[WINDOW] = budget.learn(now, told, limit - remaining)
    return {name: one for name, one in known.items() if one.limit}  # 0 stands for no limit


def used_up(
    now: float, budgets: Budgets, under_way: Mapping[Use, int], use: Use
) -> tuple[float, str] | None:
    """Return for how many seconds a call must wait for budget, and why; None: it need not."""
    waits = [
        (max(budget.free_in(now, one, under_way, use), SHORTEST), one)
        for one in budgets.values()
        if budget.room(now, one, under_way, use) == 0
    ]
    if not waits:
        return None
    seconds, longest = max(waits, key=itemgetter(0))
    return seconds, budget.shortage(now, longest, under_way, seconds)


def pace(
    now: float, budgets: Budgets, under_way: Mapping[Use, int], calls: int, *, wanted: bool
) -> float:
    """Return the seconds to leave between two looks of so many calls; 0.0 without a budget."""
    paces = [budget.pace(now, it, under_way, calls, wanted=wanted) for it in budgets.values()]
    return max(paces, default=0.0)


def in_words(now: float, budgets: Budgets) -> list[str]:
    """Return a sentence for each budget."""
    return [
        f"{budget.sentence(now, one)}{' (as configured)' if name == CONFIGURED else ''}"
        for name, one in budgets.items()
        if now < one.ends
    ]
