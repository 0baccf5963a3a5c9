"""What is allowed when: the rules of the governor, in times that are given."""

from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.backends.http.account import Rate, parse_rate
from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budgets import configured
from orchestrator.backends.http.headers import Count, Pause, Window, retry_after, window
from orchestrator.backends.http.standing import (
    FAILURES,
    LONGEST_PAUSE,
    Held,
    Outcome,
    Standing,
    admit,
    ended,
)

FINE, FAILED, DENIED = Outcome("answered"), Outcome("failed", "no answer"), Outcome("denied", "401")
WALL = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"  # the same moment


def admitted(now: float, standing: Standing, use: Use = Use.SUBMIT) -> Standing:
    """Return the standing with one more call under way; fails when it is held."""
    answer = admit(now, standing, use)
    assert isinstance(answer, Standing), answer
    return answer


def held(now: float, standing: Standing, use: Use = Use.SUBMIT) -> Held:
    """Return why a call is held; fails when it is not."""
    answer = admit(now, standing, use)
    assert isinstance(answer, Held)
    return answer


def after(
    now: float, standing: Standing, *outcomes: Outcome, u: float = 0.5, use: Use = Use.SUBMIT
) -> Standing:
    """Return the standing after calls that came to these."""
    for outcome in outcomes:
        standing = ended(now, admitted(now, standing, use), use, outcome, u)
    return standing


def test_a_used_up_budget_says_when_the_next_call_is_free() -> None:
    """A person could not tell why nothing happens, or for how long."""
    standing = Standing(budgets=configured({}, parse_rate("100/h")))
    for n in range(45):
        standing = after(n, standing, FINE)
    found = held(3060.0, standing)
    why = "55 of 100 calls an hour are left, all kept for other uses; the next is free in 12 min"
    assert found == Held(720.0, why)
    admitted(3780.0, standing)


def test_the_services_own_count_is_kept() -> None:
    """We would be refused although the service had said how much is left."""
    standing = after(0.0, Standing(), Outcome("answered", window=Window(10, 2, 30.0)))
    standing = after(1.0, standing, FINE, FINE)
    found = held(2.0, standing)
    assert found.seconds == pytest.approx(28.0)
    assert found.why.startswith("by the service's count 0 of 10 calls are left")
    admitted(30.0, standing)


@pytest.mark.parametrize("limit", [None, 0, 3])
def test_a_service_that_has_nothing_left_is_left_alone_until_it_begins_anew(
    limit: float | None,
) -> None:
    """A service that tells no limit, or an odd one, would be called on, or never again."""
    told = Outcome("answered", window=Window(limit, 0, 30.0))
    standing = after(0.0, Standing(), told)
    for use in Use:
        assert held(29.0, standing, use).seconds == pytest.approx(1.0)
        admitted(30.0, standing, use)


def test_calls_under_way_count_against_what_the_service_says() -> None:
    """Four calls at once would use the last one four times."""
    standing = admitted(0.0, admitted(0.0, admitted(0.0, Standing())))
    told = Outcome("answered", window=Window(10, 2, 30.0))
    standing = ended(0.0, standing, Use.SUBMIT, told, 0.5)
    assert held(0.0, standing).seconds == 30.0


def test_polls_leave_a_share_of_the_services_count_for_all_else() -> None:
    """A cancel would have to wait for a minute because jobs were watched."""
    standing = after(0.0, Standing(), Outcome("answered", window=Window(100, 99, 60.0)))
    made = 0
    while isinstance(admit(1.0, standing, Use.POLL), Standing):
        standing = after(1.0, standing, FINE, use=Use.POLL)
        made += 1
    assert made == 60
    assert "all kept for other uses; it begins anew" in held(1.0, standing, Use.POLL).why
    for use in set(Use) - {Use.POLL}:
        admitted(1.0, standing, use)


def test_a_limit_that_is_no_longer_told_as_one_holds_nobody() -> None:
    """An account that was given more would be used as before for good."""
    standing = after(0.0, Standing(), Outcome("answered", counts=(Count(1, 1, 3600.0),)))
    assert held(1.0, standing).seconds > 3600.0
    assert isinstance(admit(3800.0, standing, Use.SUBMIT), Standing)
    standing = after(3800.0, standing, Outcome("answered", counts=(Count(0, 2, 3600.0),)))
    admitted(3801.0, standing)
    assert not standing.budgets


def test_a_pause_that_was_asked_for_is_never_shortened() -> None:
    """A service that asked to be left alone would be called on."""
    asked = Outcome("answered", busy=True, pause=Pause(120.0))
    standing = after(0.0, Standing(), asked)
    for use in Use:
        assert held(119.0, standing, use).seconds == pytest.approx(1.0)
    other = ended(1.0, standing, Use.SUBMIT, Outcome("answered", busy=True, pause=Pause(5.0)), 0.5)
    assert held(100.0, other).seconds == pytest.approx(20.0), "nor by a later, shorter one"


def test_a_busy_service_that_names_no_time_gets_longer_and_longer_pauses() -> None:
    """It would be called at once again, and be as busy."""
    standing, now, pauses = Standing(), 0.0, []
    for _ in range(8):
        standing = after(now, standing, Outcome("answered", busy=True), u=1.0)
        pauses.append(held(now, standing).seconds)
        now += pauses[-1]
    assert pauses == [5, 10, 20, 40, 80, 150, 150, 150]
    assert after(now, standing, FINE).busy == 0


def test_the_breaker_opens_lets_one_probe_through_and_closes() -> None:
    """An outage would be made worse by everybody who waits for its end."""
    standing = after(0.0, Standing(), *[FAILED] * FAILURES, u=1.0)
    found = held(0.0, standing)
    assert found.seconds == 5.0
    assert found.why.startswith(f"its calls failed {FAILURES} times in a row (no answer)")
    probing = admitted(5.0, standing)
    for use in Use:
        assert held(5.0, probing, use).seconds > 0
    again = ended(6.0, probing, Use.SUBMIT, FAILED, 1.0)
    assert held(6.0, again).seconds == 10.0, "the pause grows"
    closed = ended(16.0, admitted(16.0, again), Use.SUBMIT, FINE, 0.5)
    assert admitted(16.0, admitted(16.0, closed)).failures == 0


def test_a_probe_that_brings_no_news_lets_the_next_one_go() -> None:
    """A cancelled probe would hold an account for ever."""
    standing = after(0.0, Standing(), *[FAILED] * FAILURES)
    standing = ended(6.0, admitted(6.0, standing), Use.SUBMIT, Outcome("nothing"), 0.5)
    admitted(6.0, standing)


@given(st.integers(FAILURES, 2000), st.floats(0, 0.999))
def test_no_pause_is_longer_than_an_end_of_an_outage_may_stay_unseen(times: int, u: float) -> None:
    """Jobs would stand still for long after a service is back."""
    standing = ended(
        0.0, Standing(failures=times, under_way=Counter([Use.SUBMIT])), Use.SUBMIT, FAILED, u
    )
    assert 0 < held(0.0, standing).seconds <= LONGEST_PAUSE


def test_a_person_may_try_new_credentials_at_once() -> None:
    """After renewing a key one would have to wait to see whether it works."""
    standing = after(0.0, Standing(), *[DENIED] * FAILURES)
    assert "credentials were refused" in held(0.0, standing, Use.POLL).why
    admitted(0.0, admitted(0.0, standing, Use.ASK), Use.ASK)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "0"}, Pause(0.0)),
        ({"retry-after": "1.5"}, Pause(1.5)),
        ({"retry-after": "Fri, 15 Jan 2027 08:02:00 GMT"}, Pause(120.0)),
        ({"retry-after": "Fri, 15 Jan 2027 08:02:00 GMT", "date": "Fri, 15 Jan 2027 08:01:00 GMT"},
         Pause(60.0)),
        ({"retry-after": "Fri, 15 Jan 2027 07:00:00 GMT"}, Pause(0.0)),
        ({"retry-after": "86401"}, Pause(86400.0, odd=True)),
        ({"retry-after": "Fri, 15 Jan 2037 08:02:00 GMT"}, Pause(86400.0, odd=True)),
        ({"retry-after": "-1"}, Pause(86400.0, odd=True)),
        ({"retry-after": "nan"}, Pause(86400.0, odd=True)),
        ({"retry-after": "inf"}, Pause(86400.0, odd=True)),
        ({"retry-after": "\u0661"}, Pause(86400.0, odd=True)),
        ({"retry-after": "9" * 4000}, Pause(86400.0, odd=True)),
    ],
)  # fmt: skip
def test_retry_after_is_read_in_both_forms(
    headers: Mapping[str, str], expected: Pause | None
) -> None:
    """A pause would be shorter than the service asked for, or the daemon would stop."""
    assert retry_after(headers, WALL) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"x-ratelimit-remaining": "3"}, None),
        (
            {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "60", "x-ratelimit-limit": "10"},
            Window(10, 3, 60),
        ),
        (
            {"ratelimit-remaining": "3", "ratelimit-reset": "60", "ratelimit-limit": "10, 10;w=60"},
            Window(10, 3, 60),
        ),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{WALL + 90:.0f}"},
            Window(None, 0, 90),
        ),
        (
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": f"{(WALL + 90) * 1000:.0f}"},
            Window(None, 0, 90),
        ),
        (
            {
                "x-ratelimit-remaining": "0",
                "x-ratelimit-reset": f"{WALL + 90:.0f}",
                "date": "Fri, 15 Jan 2027 08:01:00 GMT",
            },
            Window(None, 0, 30),
        ),
        ({"ratelimit-remaining": "0", "ratelimit-reset": "99999999"}, Window(None, 0, 86400)),
        ({"ratelimit-remaining": "0", "ratelimit-reset": f"{WALL - 9:.0f}"}, Window(None, 0, 0)),
        ({"ratelimit-remaining": "x", "ratelimit-reset": "1"}, None),
    ],
)
def test_a_services_count_is_read_in_all_its_forms(
    headers: Mapping[str, str], expected: Window | None
) -> None:
    """A budget would be overdrawn, or an account held for years."""
    assert window({"date": DATE, **headers}, WALL) == expected


def test_a_rate_is_read() -> None:
    """A limit of one's own would not be kept."""
    assert (parse_rate("100/h"), parse_rate("600 / min")) == (Rate(100, 3600), Rate(600, 60))
    for text in ("", "0/h", "h", "-1/h", "1/year", "1e3/h", "\u0661/h"):
        with pytest.raises(ValueError, match="expected a number of calls"):
            parse_rate(text)
