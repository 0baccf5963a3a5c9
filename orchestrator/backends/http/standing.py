"""How an account stands with its service, and what that allows. Pure: time and chance are given.

Three things hold a call back: the service asked for a pause; too many calls in a row failed (the
circuit breaker); a budget of calls is used up, whether it was configured or the service told it.
Moments are seconds of a steady clock.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budget import Budget, span, spend
from orchestrator.backends.http.budgets import counted, used_up
from orchestrator.backends.http.headers import A_DAY, Count, Pause, Window

FAILURES = 5  # failed calls in a row that open the breaker
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 150.0  # seconds; longer, and an end would be noticed too late
SOON = 5.0  # seconds until somebody may ask again while a probe is under way

Verdict = Literal["answered", "failed", "denied", "nothing"]


class Outcome(NamedTuple):
    """What a call told about the service.

    "failed": it could not answer; "denied": it refused the credentials; "nothing": no news.
    `busy` is an answer that we call too often. `why` is for people. `counts` are what the service
    counted where it tells no end of that, `window` where it does.
    """

    verdict: Verdict
    why: str = ""
    busy: bool = False
    pause: Pause | None = None
    window: Window | None = None
    counts: tuple[Count, ...] = ()


class Held(NamedTuple):
    """A call may not go out for so many seconds; `why` is for people."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of one account.

    `budgets` are those that are known, `under_way` counts calls that have not ended. `failures`
    counts calls in a row that brought nothing, the last of them for `why`; `probing` while one call
    is out to see whether that has changed. `busy` counts answers in a row that we call too often.
    """

    budgets: Mapping[str, Budget] = field(default_factory=dict)
    under_way: Counter[Use] = field(default_factory=Counter)
    paused_until: float = 0.0
    busy: int = 0
    failures: int = 0
    denied: bool = False
    why: str = ""
    open_until: float = 0.0
    probing: bool = False


def admit(now: float, standing: Standing, use: Use) -> Standing | Held:
    """Return the standing with one more call under way, or why there may be none."""
    held = _paused(now, standing) or _broken(now, standing, use)
    if held:
        return held
    short = used_up(now, standing.budgets, standing.under_way, use)
    if short:
        return Held(*short)
    return replace(
        standing,
        under_way=standing.under_way + Counter([use]),
        probing=standing.probing or standing.failures >= FAILURES,
    )


def ended(now: float, standing: Standing, use: Use, outcome: Outcome, u: float) -> Standing:
    """Return the standing after a call that was admitted came to this; `u` is from [0, 1)."""
    after = replace(
        standing,
        under_way=standing.under_way - Counter([use]),
        budgets=counted(now, standing.budgets, use, outcome.counts, outcome.window),
        probing=False,
    )
    match outcome.verdict:
        case "answered":
            busy = after.busy + 1 if outcome.busy else 0
            after = replace(after, failures=0, denied=False, why="", open_until=0.0, busy=busy)
        case "failed" | "denied":
            failures = after.failures + 1
            until = now + _pause(failures - FAILURES, u) if failures >= FAILURES else 0.0
            after = replace(
                after,
                failures=failures,
                denied=outcome.verdict == "denied",
                why=outcome.why,
                open_until=until,
            )
    asked = pause_asked(after, outcome, u)
    if asked:
        after = replace(after, paused_until=max(after.paused_until, now + asked))
    return after


def at_rest(now: float, standing: Standing) -> Standing:
    """Return the standing as if every call had ended without news: what is kept over a restart."""
    budgets = {
        name: spend(now, budget, standing.under_way.elements())
        for name, budget in standing.budgets.items()
    }
    return replace(standing, budgets=budgets, under_way=Counter(), probing=False)


def pause_asked(standing: Standing, outcome: Outcome, u: float) -> float:
    """Return how long the service wants no call; where it says only that it is busy, we choose."""
    if outcome.pause:
        return outcome.pause.seconds
    return _pause(standing.busy - 1, u) if outcome.busy else 0.0


def _pause(step: int, u: float) -> float:
    """Return a pause under a ceiling that doubles with each step: full jitter, but never none."""
    return float(min(FIRST_PAUSE * 2.0 ** min(max(step, 0), 40), LONGEST_PAUSE) * (0.1 + 0.9 * u))


def _paused(now: float, standing: Standing) -> Held | None:
    left = min(standing.paused_until - now, A_DAY)
    if left <= 0:
        return None
    return Held(left, f"the service asked not to be called for another {span(left)}")


def _broken(now: float, standing: Standing, use: Use) -> Held | None:
    """Hold all but one call, the probe, while the service fails; a person's may be it at once."""
    if standing.failures < FAILURES:
        return None
    if use is Use.ASK and (standing.denied or not standing.probing):
        return None  # after new credentials a person looks whether they are taken
    left = min(standing.open_until - now, A_DAY)
    if left <= 0 and not standing.probing:
        return None
    left = max(left, SOON) if standing.probing else left
    what = "its credentials were refused" if standing.denied else "its calls failed"
    times = f"{standing.failures} times in a row"
    return Held(left, f"{what} {times} ({standing.why}); the next is tried in {span(left)}")
