"""A thousand callers and an hour's outage, in simulated time, through one governor."""

import heapq
import random
from typing import NamedTuple

import pytest

from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.standing import Held, Outcome, Standing, admit, ended
from orchestrator.core.pacing import backoff

CALLERS, AT_ONCE = 1000, 4
EVERY = 300.0  # seconds between two calls of one caller
TAKES, FAILS_AFTER = 0.05, 5.0  # seconds of a call that is answered, and of one that is not
HOUR = 3600.0
OUTAGE = (HOUR, 2 * HOUR)


class World(NamedTuple):
    """When requests went out, and when each caller was first served after the outage."""

    requests: list[float]
    served: dict[int, float]


def simulate(seed: int, outage: tuple[float, float]) -> World:
    """Let all callers call for three hours, each as the engine does: told when, and by backoff."""
    draw = random.Random(seed)
    standing, world = Standing(), World([], {})
    tries = dict.fromkeys(range(CALLERS), 0)
    waiting: list[int] = []
    events = [(draw.random() * EVERY, n, "call", n) for n in range(CALLERS)]
    heapq.heapify(events)
    number = CALLERS
    while events:
        now, _, what, caller = heapq.heappop(events)
        if now > 3 * HOUR:
            break
        down = outage[0] <= now < outage[1]
        again = None
        if what in {"answered", "failed"}:
            verdict = Outcome("answered") if what == "answered" else Outcome("failed", "no answer")
            standing = ended(now, standing, Use.POLL, verdict, draw.random())
            if what == "answered":
                tries[caller] = 0
                again = now + EVERY
                if now >= outage[1]:
                    world.served.setdefault(caller, now)
            else:
                tries[caller] += 1
                again = now + backoff(tries[caller], draw.random())
            if waiting:
                number += 1
                heapq.heappush(events, (now, number, "call", waiting.pop(0)))
        else:
            answer = admit(now, standing, Use.POLL)
            if isinstance(answer, Held):
                tries[caller] += 1
                again = now + backoff(tries[caller], draw.random(), answer.seconds)
            elif standing.under_way.total() >= AT_ONCE:
                waiting.append(caller)
            else:
                standing = answer
                world.requests.append(now)
                number += 1
                end = ("failed", FAILS_AFTER) if down else ("answered", TAKES)
                heapq.heappush(events, (now + end[1], number, end[0], caller))
        if again is not None:
            number += 1
            heapq.heappush(events, (again, number, "call", caller))
    return world


@pytest.mark.parametrize("seed", range(2))
def test_an_outage_is_not_made_worse_and_its_end_is_seen(seed: int) -> None:
    """A service that comes back would be knocked over, or jobs would stand still for long after."""
    start, end = OUTAGE
    quiet = simulate(seed, (4 * HOUR, 5 * HOUR))
    world = simulate(seed, OUTAGE)
    usual = sum(1 for at in quiet.requests if start <= at < end)
    during = sum(1 for at in world.requests if start <= at < end)
    assert during <= 0.05 * usual, "next to nothing is sent to a service that is down"
    hour_and_after = sum(1 for at in world.requests if start <= at < end + 300)
    assert hour_and_after <= 1.1 * usual
    assert len(world.served) == CALLERS
    assert max(world.served.values()) <= end + 300
    back = sorted(world.served.values())
    busiest = max(sum(1 for at in back if t <= at < t + 1) for t in back)
    assert busiest <= AT_ONCE / TAKES, "they do not come in one step"
