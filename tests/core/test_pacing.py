"""How long to wait: bounds that hold for every age, every count, and every answer of a service."""

import math
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.pacing import (
    FASTEST_POLL,
    LONGEST_BACKOFF,
    LONGEST_RETRY_AFTER,
    LONGEST_RETRY_DELAY,
    SLOWEST_POLL,
    backoff,
    poll_delay,
    retry_delay,
    submit_limit,
)

units = st.floats(min_value=0, max_value=1, exclude_max=True)


@given(age=st.floats(min_value=0, max_value=1e8), u=units, hints=st.booleans())
def test_a_poll_is_neither_hectic_nor_forgotten(age: float, u: float, *, hints: bool) -> None:
    """A service would be hammered, or the end of a run would be seen hours late."""
    delay = poll_delay(age, u, hints=hints)
    assert 0.9 * FASTEST_POLL <= delay <= 1.1 * SLOWEST_POLL
    if not hints:
        assert delay <= max(0.11 * age, 1.1 * FASTEST_POLL)


@pytest.mark.parametrize(
    ("age", "hints", "u", "delay"),
    [
        (0.0, False, 0.5, 0.5),
        (100.0, False, 0.0, 9.0),
        (100.0, False, 0.5, 10.0),
        (1e6, False, 0.5, 300.0),
        (0.0, True, 0.0, 27.0),
        (1e6, True, 0.5, 30.0),
        (1e6, True, 0.75, 31.5),
    ],
)
def test_a_poll_comes_after_a_tenth_of_the_age(
    age: float, u: float, delay: float, *, hints: bool
) -> None:
    """The end of a run would be seen later than need be, or the service asked more than agreed."""
    assert poll_delay(age, u, hints=hints) == pytest.approx(delay)


@given(u=units)
def test_a_place_that_forgets_is_not_left_alone_for_longer(u: float) -> None:
    """How a run ended would be forgotten before anybody asked."""
    assert poll_delay(1e6, u, hints=False, within=150.0) == 150.0
    assert poll_delay(100.0, u, hints=False, within=150.0) == poll_delay(100.0, u, hints=False)


@given(tries=st.integers(min_value=1, max_value=10**6), u=units)
def test_backoff_grows_to_its_bound_and_is_never_zero(tries: int, u: float) -> None:
    """A try would follow on a failed one at once, or never."""
    assert 0.1 <= backoff(tries, u) <= LONGEST_BACKOFF
    assert backoff(tries, u) <= backoff(tries + 1, u)


@pytest.mark.parametrize(
    ("tries", "asked", "u", "delay"),
    [
        (1, None, 0.0, 0.1),
        (1, None, 0.5, 0.55),
        (2, None, 0.5, 1.1),
        (9, None, 0.5, 140.8),
        (10, None, 0.5, 165.0),
        (1, 0.0, 0.5, 0.55),
        (1, 0.5, 0.5, 1.05),
        (2, 60.0, 0.5, 61.1),
        (6, 0.0, 0.5, 17.6),
        (7, 0.0, 0.5, 33.0),
        (40, 600.0, 0.5, 633.0),
    ],
)
def test_backoff_doubles(tries: int, asked: float | None, u: float, delay: float) -> None:
    """A service in trouble would be asked more often than agreed, or a job wait for no reason."""
    assert backoff(tries, u, asked) == pytest.approx(delay)


def test_jitter_spreads() -> None:
    """A thousand jobs that failed together would all come back at the same moment."""
    assert backoff(20, 0.99) - backoff(20, 0.0) > 0.8 * LONGEST_BACKOFF


@given(asked=st.floats(min_value=0, max_value=LONGEST_RETRY_AFTER), u=units)
def test_what_a_service_asks_for_is_never_shortened(asked: float, u: float) -> None:
    """The account would be blocked."""
    assert backoff(1, u, asked) > asked


@pytest.mark.parametrize("nonsense", [-1.0, math.inf, math.nan, 1e12])
def test_nonsense_counts_as_a_day(nonsense: float) -> None:
    """One broken header would put a job off for ever, or make it hammer the service."""
    assert LONGEST_RETRY_AFTER <= backoff(1, 0.5, nonsense) <= LONGEST_RETRY_AFTER + 1


def test_runs_are_retried_ever_more_slowly() -> None:
    """A job that fails at once would be run a hundred times in a minute."""
    first = timedelta(seconds=10)
    assert [retry_delay(first, runs) for runs in (1, 2, 3)] == [10, 20, 40]
    assert retry_delay(first, 10**6) == LONGEST_RETRY_DELAY
    assert retry_delay(timedelta(microseconds=1), 40) == LONGEST_RETRY_DELAY


def test_a_submit_that_brings_much_has_longer() -> None:
    """A large input on a slow line would make every submit doubtful, and never arrive."""
    assert submit_limit(0) == 60
    assert submit_limit(1 << 30) == 60 + (1 << 30) / 65536
