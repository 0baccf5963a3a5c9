"""How an account stands with its service, and what that allows. Pure: time and chance are given.

Four things hold a call back: the service asked for a pause; too many calls in a row failed (the
circuit breaker); the service's own count of calls is used up; ours is. Moments are seconds of a
steady clock.
"""

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from orchestrator.backends.http.account import Rate
from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.headers import A_DAY, Pause, Window

PARTS = 20  # a period is counted in so many parts, so that a count stays small
KEPT = 5  # a fifth of every budget is kept from polls
FAILURES = 5  # failed calls in a row that open the breaker
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 150.0  # seconds; longer, and an end would be noticed too late
SOON = 5.0  # seconds until somebody may ask again while a probe is under way

Verdict = Literal["answered", "failed", "denied", "nothing"]


class Outcome(NamedTuple):
    """What a call told about the service.

    "failed": it could not answer; "denied": it refused the credentials; "nothing": no news.
    `busy` is an answer that we call too often. `why` is for people.
    """

    verdict: Verdict
    why: str = ""
    busy: bool = False
    pause: Pause | None = None
    window: Window | None = None


class Held(NamedTuple):
    """A call may not go out for so many seconds; `why` is for people."""

    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """What is remembered of one account.

    `spent` counts the calls of the last period: number of the part of time → calls. `remaining`
    of `limit` is the service's own count, good until `resets_at`. `failures` counts calls in a
    row that brought nothing, the last of them for `why`; `probing` while one call is out to see
    whether that has changed. `busy` counts answers in a row that we call too often.
    """

    spent: tuple[tuple[int, int], ...] = ()
    under_way: int = 0
    limit: float | None = None
    remaining: float | None = None
    resets_at: float = 0.0
    paused_until: float = 0.0
    busy: int = 0
    failures: int = 0
    denied: bool = False
    why: str = ""
    open_until: float = 0.0
    probing: bool = False


def admit(now: float, standing: Standing, rate: Rate | None, use: Use) -> Standing | Held:
    """Return the standing with one more call under way, or why there may be none."""
    held = (
        _paused(now, standing)
        or _broken(now, standing, use)
        or _theirs_used_up(now, standing, use)
        or _ours_used_up(now, standing, rate, use)
    )
    if held:
        return held
    remaining = standing.remaining
    return replace(
        standing,
        spent=_spend(now, standing.spent, rate),
        under_way=standing.under_way + 1,
        remaining=None if remaining is None else remaining - 1,
        probing=standing.probing or standing.failures >= FAILURES,
    )


def ended(now: float, standing: Standing, outcome: Outcome, u: float) -> Standing:
    """Return the standing after a call that was admitted came to this; `u` is from [0, 1)."""
    after = replace(standing, under_way=standing.under_way - 1, probing=False)
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
    if outcome.window:
        limit, remaining, resets_in = outcome.window
        after = replace(
            after, limit=limit, remaining=remaining - after.under_way, resets_at=now + resets_in
        )
    return after


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


def _theirs_used_up(now: float, standing: Standing, use: Use) -> Held | None:
    remaining, limit, left = standing.remaining, standing.limit, standing.resets_at - now
    if remaining is None or left <= 0:
        return None
    kept = _kept(limit or 0, use)
    if remaining >= 1 + kept:
        return None
    of = "" if limit is None else f" of {limit:.0f}"
    more = f", {kept} of them kept from polls" if kept else ""
    why = f"by the service's count {max(remaining, 0):.0f}{of} calls are left{more}"
    return Held(min(left, A_DAY), f"{why}; it begins anew in {span(left)}")


def _ours_used_up(now: float, standing: Standing, rate: Rate | None, use: Use) -> Held | None:
    if rate is None:
        return None
    spent = _recent(now, standing.spent, rate)
    left = rate.calls - sum(count for _, count in spent)
    kept = _kept(rate.calls, use)
    if left > kept:
        return None
    wanted, freed = kept + 1 - left, 0
    wait = rate.period
    for part, count in spent:
        freed += count
        if freed >= wanted:
            wait = (part + PARTS + 1) * rate.period / PARTS - now
            break
    more = f", {kept} of them kept from polls" if kept else ""
    period = {1.0: "a second", 60.0: "a minute", 3600.0: "an hour", A_DAY: "a day"}[rate.period]
    why = f"{max(left, 0)} of {rate.calls} calls {period} are left{more}"
    return Held(max(wait, 0.01), f"{why}; the next is free in {span(wait)}")


def _kept(budget: float, use: Use) -> int:
    return int(budget) // KEPT if use is Use.POLL else 0


def _recent(
    now: float, spent: tuple[tuple[int, int], ...], rate: Rate
) -> tuple[tuple[int, int], ...]:
    """Return what was spent within the last period, oldest first.

    A part counts until the last moment of it is that old: rather too long than too short.
    """
    newest = int(now * PARTS / rate.period)
    return tuple((part, count) for part, count in spent if newest - PARTS <= part <= newest)


def _spend(
    now: float, spent: tuple[tuple[int, int], ...], rate: Rate | None
) -> tuple[tuple[int, int], ...]:
    if rate is None:
        return ()
    counts = dict(_recent(now, spent, rate))
    newest = int(now * PARTS / rate.period)
    counts[newest] = counts.get(newest, 0) + 1
    return tuple(sorted(counts.items()))


def span(seconds: float) -> str:
    """Return a span of time for people: "12 min"."""
    for unit, name in ((A_DAY, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{max(seconds, 1):.0f} s"
