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
from typing import Any

from orchestrator.backends.http.account import Rate
from orchestrator.backends.http.headers import A_DAY
from orchestrator.backends.http.standing import PARTS, Standing

NAME = "governor.json"


def save(
    directory: Path, name: str, standing: Standing, rate: Rate | None, *, now: float, wall: float
) -> None:
    """Write it by one rename; a disk that does not take it is no reason to stop."""
    part = rate.period / PARTS if rate else 0.0
    known = standing.remaining is not None
    tree = {
        "name": name,
        "at": wall,
        "period": rate.period if rate else None,
        "spent": [[now - number * part, count] for number, count in standing.spent if rate],
        "limit": standing.limit if known else None,
        "remaining": standing.remaining,
        "resets_in": max(standing.resets_at - now, 0.0),
        "paused": max(standing.paused_until - now, 0.0),
        "busy": standing.busy,
        "failures": standing.failures,
        "denied": standing.denied,
        "why": standing.why,
        "open": max(standing.open_until - now, 0.0),
    }
    new = directory / f".{NAME}.{os.getpid()}"
    with suppress(OSError):
        new.write_text(json.dumps(tree))
        new.rename(directory / NAME)


def load(
    directory: Path, rate: Rate | None, *, now: float, wall: float
) -> tuple[str, Standing] | None:
    """Return the account's name and its standing; None where nothing usable is kept."""
    try:
        tree = json.loads((directory / NAME).read_bytes())
        return str(tree["name"]), _standing(tree, rate, now, max(0.0, wall - float(tree["at"])))
    except (OSError, ValueError, LookupError, TypeError, RecursionError, OverflowError):
        return None


def _standing(tree: dict[str, Any], rate: Rate | None, now: float, elapsed: float) -> Standing:
    def until(name: str) -> float:
        left = float(tree[name]) - elapsed
        return now + min(left, A_DAY) if left > 0 else 0.0

    spent: dict[int, int] = {}
    if rate and tree["period"] == rate.period:
        for ago, count in tree["spent"]:
            part = math.floor((now - float(ago) - elapsed) * PARTS / rate.period)
            spent[part] = spent.get(part, 0) + int(count)
    remaining, resets_at = tree["remaining"], until("resets_in")
    fresh = remaining is not None and resets_at > 0
    return Standing(
        spent=tuple(sorted(spent.items())),
        limit=float(tree["limit"]) if fresh and tree["limit"] is not None else None,
        remaining=float(remaining) if fresh else None,
        resets_at=resets_at,
        paused_until=until("paused"),
        busy=int(tree["busy"]),
        failures=0 if tree["denied"] else int(tree["failures"]),  # new credentials, maybe
        why=str(tree["why"]),
        open_until=until("open"),
    )
