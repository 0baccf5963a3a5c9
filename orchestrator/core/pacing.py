"""How long to wait: for the next poll, after an error, before the next run. Pure.

`u` is a random number in [0, 1) that the caller draws: without it, a thousand jobs that were held
up together would come back in one step.
"""

from datetime import timedelta

FASTEST_POLL = 0.5
SLOWEST_POLL = 300.0
HINTED_POLL = 30.0
LONGEST_BACKOFF = 300.0
LONGEST_RETRY_DELAY = 3600.0
LONGEST_RETRY_AFTER = 86400.0
LONGEST_SPREAD = 60.0
SUBMIT_LIMIT = 60.0
LEAST_UPLOAD = 64 << 10  # bytes a second


def poll_delay(age: float, u: float, *, hints: bool, within: float | None = None) -> float:
    """Return the seconds until the next poll of a run that is `age` seconds old.

    A tenth of its age, so that the wait for the end of a run stays small against the run itself.
    A backend that calls us when a run changes is polled only to repair a lost call. One that soon
    forgets how a run ended is never left alone for longer than `within` seconds.
    """
    if hints:
        return HINTED_POLL * (0.9 + 0.2 * u)
    delay = min(max(age / 10, FASTEST_POLL), SLOWEST_POLL) * (0.9 + 0.2 * u)
    return delay if within is None else min(delay, within)


def backoff(tries: int, u: float, retry_after: float | None = None) -> float:
    """Return the seconds to wait after the given number of failed tries in a row (1, 2, …).

    Full jitter over an exponential ceiling (1 s to 5 min). What the service asked for is never
    shortened; what is over a day, or no number, counts as a day. Those who were told the same
    moment come within a minute of it: it is known, so there is no need to look for it.
    """
    longest = LONGEST_BACKOFF if retry_after is None else LONGEST_SPREAD
    delay = _doubled(1, tries - 1, longest) * (0.1 + 0.9 * u)
    if retry_after is None:
        return delay
    asked = retry_after if 0 <= retry_after <= LONGEST_RETRY_AFTER else LONGEST_RETRY_AFTER
    return asked + delay


def retry_delay(first: timedelta, runs: int) -> float:
    """Return the seconds between the end of run number `runs` and the next one."""
    return _doubled(first.total_seconds(), runs - 1, LONGEST_RETRY_DELAY)


def submit_limit(size: int, within: float | None = None) -> float:
    """Return the seconds for a submit in all, with which so many bytes of inputs are sent.

    `within` is what its backend takes for a call, None for the usual.
    """
    return (SUBMIT_LIMIT if within is None else within) + size / LEAST_UPLOAD


def _doubled(seconds: float, times: int, longest: float) -> float:
    """Double so many times, up to a bound; 40 suffice for a microsecond, 1 100 would overflow."""
    return min(seconds * 2.0 ** min(times, 40), longest)
