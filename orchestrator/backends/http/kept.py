"""An account's standing on disk: `governor.json`, so that a restart is no clean slate.

Moments are written as seconds from the moment of writing, and that one by the wall clock. A clock
that was set back while we were away lengthens nothing by more than it was, and nothing counts for
more than a day. Losing the file is harmless.
"""

import json
import math
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budget import PERIODS, Budget, Spent
from orchestrator.backends.http.headers import A_DAY
from orchestrator.backends.http.standing import Standing
from orchestrator.core.now import Now

NAME = "governor.json"


class Kept(NamedTuple):
    """What was found: the account's name, and its standing."""

    name: str
    standing: Standing


def save(directory: Path, name: str, standing: Standing, now: Now) -> None:
    """Write it by one rename; a disk that does not take it is no reason to stop."""
    tree = {
        "name": name,
        "at": now.wall,
        "budgets": {name: _written(one, now.steady) for name, one in standing.budgets.items()},
        "paused": max(standing.paused_until - now.steady, 0.0),
        "busy": standing.busy,
        "failures": standing.failures,
        "denied": standing.denied,
        "why": standing.why,
        "open": max(standing.open_until - now.steady, 0.0),
    }
    new = directory / f".{NAME}.{os.getpid()}"
    with suppress(OSError):
        new.write_text(json.dumps(tree))
        new.rename(directory / NAME)


def load(directory: Path, now: Now) -> Kept | None:
    """Return what is kept, None where nothing usable is."""
    try:
        tree = json.loads((directory / NAME).read_bytes())
        elapsed = max(0.0, now.wall - float(tree["at"]))
        return Kept(str(tree["name"]), _standing(tree, now.steady, elapsed))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, ArithmeticError):
        return None
    except AttributeError:  # something else where a table was
        return None


def _standing(tree: Mapping[str, Any], now: float, elapsed: float) -> Standing:
    budgets = {
        str(name): _budget(one, now, elapsed) for name, one in tree.get("budgets", {}).items()
    }
    return Standing(
        budgets={
            name: one for name, one in budgets.items() if one.ends > now and elapsed < 2 * A_DAY
        },
        paused_until=_moment(tree["paused"], now, elapsed),
        busy=int(tree["busy"]),
        failures=0 if tree["denied"] else int(tree["failures"]),  # new credentials, maybe
        why=str(tree["why"]),
        open_until=_moment(tree["open"], now, elapsed),
    )


def _written(budget: Budget, now: float) -> dict[str, Any]:
    return {
        "limit": budget.limit,
        "period": budget.period,
        "ends": None if budget.period else budget.ends - now,
        "spent": [
            [one.until - now, {use.value: count for use, count in one.calls.items()}]
            for one in budget.spent
        ],
        "foreign": budget.foreign,
        "foreign_for": budget.foreign_until - now,
    }


def _budget(tree: Mapping[str, Any], now: float, elapsed: float) -> Budget:
    period = None if tree["period"] is None else float(tree["period"])
    if period is not None and period not in PERIODS:
        raise ValueError("not a period that is counted")
    empty = Budget(
        limit=int(tree["limit"]),
        period=period,
        ends=math.inf if period else _moment(tree["ends"], now, elapsed),
        foreign=int(tree["foreign"]),
        foreign_until=_moment(tree["foreign_for"], now, elapsed),
    )
    spent: dict[float, Counter[Use]] = {}
    for left, calls in tree["spent"]:
        until = _moment(left, now, elapsed, empty.longest or A_DAY)
        spent.setdefault(until, Counter()).update({Use(use): int(n) for use, n in calls.items()})
    return replace(empty, spent=tuple(Spent(*one) for one in sorted(spent.items())))


def _moment(left: Any, now: float, elapsed: float, most: float = A_DAY) -> float:
    """Return when that will be which was `left` seconds away when it was written; 0.0: it was."""
    still = float(left) - elapsed
    return now + min(still, most) if still > 0 else 0.0
