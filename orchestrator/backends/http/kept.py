"""An account's standing on disk: `governor.json`, so that a restart is no clean slate.

Moments are written as seconds from the moment of writing, and that one by the wall clock. A clock
that was set back while we were away lengthens nothing by more than it was, and nothing counts for
more than a day. Losing the file is harmless.
"""

import json
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.backends.http.account import Rate, parse_rate
from orchestrator.backends.http.headers import A_DAY
from orchestrator.backends.http.standing import PARTS, Standing
from orchestrator.core.now import Now

NAME = "governor.json"


class Kept(NamedTuple):
    """What was found: the account's name, how many calls it allowed, and its standing."""

    name: str
    rate: Rate | None
    standing: Standing


def save(directory: Path, name: str, calls: str | None, standing: Standing, now: Now) -> None:
    """Write it by one rename; a disk that does not take it is no reason to stop."""
    part = parse_rate(calls).period / PARTS if calls else 0.0
    tree = {
        "name": name,
        "at": now.wall,
        "calls": calls,
        "spent": [[now.steady - number * part, count] for number, count in standing.spent],
        "limit": standing.limit,
        "remaining": standing.remaining,
        "resets_in": max(standing.resets_at - now.steady, 0.0),
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
        rate = parse_rate(tree["calls"]) if tree["calls"] else None
        elapsed = max(0.0, now.wall - float(tree["at"]))
        return Kept(str(tree["name"]), rate, _standing(tree, rate, now.steady, elapsed))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, ArithmeticError):
        return None


def _standing(tree: dict[str, Any], rate: Rate | None, now: float, elapsed: float) -> Standing:
    def until(name: str) -> float:
        left = float(tree[name]) - elapsed
        return now + min(left, A_DAY) if left > 0 else 0.0

    limit, remaining, resets_at = tree["limit"], tree["remaining"], until("resets_in")
    fresh = remaining is not None and resets_at > 0
    return Standing(
        spent=_spent(tree["spent"], rate, now, elapsed) if rate else (),
        limit=float(limit) if fresh and limit is not None else None,
        remaining=float(remaining) if fresh else None,
        resets_at=resets_at,
        paused_until=until("paused"),
        busy=int(tree["busy"]),
        failures=0 if tree["denied"] else int(tree["failures"]),  # new credentials, maybe
        why=str(tree["why"]),
        open_until=until("open"),
    )


def _spent(kept: Any, rate: Rate, now: float, elapsed: float) -> tuple[tuple[int, int], ...]:
    """Return the counts by the parts of this clock, which lie otherwise: none is freed earlier."""
    width = rate.period / PARTS
    spent: dict[int, int] = {}
    for ago, count in kept:
        part = min(math.ceil((now - max(float(ago), 0.0) - elapsed) / width), int(now / width))
        spent[part] = spent.get(part, 0) + int(count)
    return tuple(sorted(spent.items()))
