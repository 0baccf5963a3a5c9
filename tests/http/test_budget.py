"""Budgets of calls: what is let go, whom a budget belongs to, and how looks are spread over it."""

import random
from collections import Counter
from collections.abc import Mapping
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.backends.http.asking import Use
from orchestrator.backends.http.budget import (
    SHARES,
    WHOLE,
    Budget,
    free_in,
    learn,
    pace,
    room,
    sentence,
    shortage,
    spend,
)
from orchestrator.backends.http.headers import Count, counts
from tests.http.counting import DAY, HOUR, Hour, Service, World

HOURS: tuple[Hour, ...] = ("sliding", "by the clock")
SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(1, 30))]
NONE: Mapping[Use, int] = {}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, ()),
        ({"hourly-limit": "100", "hourly-used": "62"}, (Count(100, 62, 3600.0),)),
        ({"hourly-limit": "0", "hourly-used": "62"}, (Count(0, 62, 3600.0),)),
        (
            {"hourly-limit": "100", "hourly-used": "1", "daily-limit": "900", "daily-used": "7"},
            (Count(100, 1, 3600.0), Count(900, 7, 86400.0)),
        ),
        ({"hourly-limit": "100"}, ()),
        ({"hourly-used": "5"}, ()),
        ({"hourly-limit": "-1", "hourly-used": "5"}, ()),
        ({"hourly-limit": "many", "hourly-used": "5"}, ()),
        ({"hourly-limit": "100", "hourly-used": "nan"}, ()),
        ({"hourly-limit": "\u0661", "hourly-used": "5"}, ()),
    ],
)
def test_what_a_service_counted_is_read(
    headers: Mapping[str, str], expected: tuple[Count, ...]
) -> None:
    """A budget would be overdrawn, or an account held by nonsense."""
    assert counts({f"x-ratelimit-{key}": value for key, value in headers.items()}) == expected


def filled(limit: int, used: Mapping[Use, int], now: float = 0.0) -> Budget:
    """Return a budget an hour of which so much is used."""
    return spend(now, Budget(limit, HOUR), Counter(used).elements())


def test_a_use_alone_leaves_the_others_their_shares() -> None:
    """A cancel would have to wait for an hour because jobs were watched, or the other way round."""
    alone = {use: room(0.0, Budget(100, HOUR), NONE, use) for use in Use}
    assert alone == {
        Use.POLL: 60, Use.TRANSFER: 60, Use.SUBMIT: 45, Use.CANCEL: 50, Use.ASK: 45,
    }  # fmt: skip
    for use, most in alone.items():
        full = filled(100, {use: most})
        assert room(0.0, full, NONE, use) == 0
        for other in Use:
            if other is not use:
                share = 100 * SHARES[other] // WHOLE
                assert room(0.0, full, NONE, other) == share
                both = filled(100, {use: most, other: share})
                assert room(0.0, both, NONE, other) == 0


@given(
    st.integers(0, 300),
    st.lists(st.tuples(st.sampled_from(list(Use)), st.integers(0, 3600)), max_size=400),
)
def test_no_share_can_be_taken_by_others(limit: int, wishes: list[tuple[Use, int]]) -> None:
    """Whatever was called before, a use would find its own share gone."""
    budget, now = Budget(limit, HOUR), 0.0
    for use, wait in wishes:
        now += wait / 20
        if room(now, budget, NONE, use):
            budget = spend(now, budget, [use])
        used = Counter[Use]()
        for part in budget.spent:
            used.update(part.calls if part.until > now else {})
        assert used.total() <= limit
        for one in Use:
            assert room(now, budget, NONE, one) >= limit * SHARES[one] // WHOLE - used[one]


def test_a_cancel_is_tried_though_others_have_used_up_all() -> None:
    """A run would go on, and cost, for an hour that the service counts otherwise."""
    budget = learn(0.0, Budget(100, 3600.0), 100)
    assert room(10.0, budget, {}, Use.CANCEL) == 0
    assert free_in(10.0, budget, {}, Use.CANCEL) == 290.0
    assert room(300.0, budget, {}, Use.CANCEL) > 0
    again = learn(300.0, budget, 100)
    assert free_in(300.0, again, {}, Use.CANCEL) == 300.0, "a refusal tells anew"
    for use in set(Use) - {Use.CANCEL}:
        assert free_in(300.0, budget, {}, use) == 3300.0


def test_foreign_calls_leave_less_to_share_and_hold_nobody_for_good() -> None:
    """What somebody else uses up would leave calls that none of ours may make, or overdraw it."""
    budget = learn(0.0, filled(100, {Use.POLL: 60}), 60 + 35)
    assert {use: room(0.0, budget, NONE, use) for use in Use} == {
        Use.POLL: 0, Use.TRANSFER: 5, Use.SUBMIT: 3, Use.CANCEL: 5, Use.ASK: 3,
    }  # fmt: skip
    assert shortage(0.0, budget, NONE, 3780.0) == (
        "5 of 100 calls an hour are left, all kept for other uses, 35 were not by us;"
        " the next is free in 63 min"
    )
    full = learn(0.0, budget, 100)
    assert not any(room(3599.0, full, NONE, use) for use in set(Use) - {Use.CANCEL})
    assert room(3600.0, full, NONE, Use.SUBMIT) == 5, "they count for a period, and no longer"
    fewer = learn(1.0, budget, 61)
    assert sentence(1.0, fewer).startswith("100 calls an hour, 61 used, 1 of them not by us")


def test_calls_under_way_have_no_room_twice() -> None:
    """Four calls at once would use the last one four times."""
    budget = learn(0.0, filled(100, {Use.SUBMIT: 1}), 99)
    assert room(0.0, budget, NONE, Use.SUBMIT) == 1
    assert room(0.0, budget, Counter([Use.POLL]), Use.SUBMIT) == 0


@pytest.mark.parametrize(
    ("used", "foreign", "polls"),
    [
        ({}, 0, 60),
        ({Use.POLL: 60}, 0, 60),
        ({Use.TRANSFER: 20, Use.SUBMIT: 5}, 0, 60),
        ({Use.TRANSFER: 30, Use.SUBMIT: 15}, 0, 40),
        ({Use.TRANSFER: 60, Use.SUBMIT: 5}, 0, 20),
        ({Use.TRANSFER: 60, Use.SUBMIT: 20}, 0, 20),
        ({}, 60, 24),
        ({Use.TRANSFER: 30}, 60, 8),
        ({}, 100, 1),
    ],
)
def test_the_pace_spreads_what_others_leave_of_a_period(
    used: Mapping[Use, int], foreign: int, polls: int
) -> None:
    """Looks would come in a burst and then be held, or ends would be noticed late for nothing."""
    budget = filled(100, used)
    budget = learn(0.0, budget, sum(used.values()) + foreign)
    assert pace(1.0, budget, NONE, 1, wanted=False) == pytest.approx(3960 / polls)
    own = max(1, (100 - foreign) // 5)
    assert pace(1.0, budget, NONE, 1, wanted=True) == pytest.approx(3960 / own)


def test_the_pace_to_the_end_of_a_services_count_spreads_what_is_left() -> None:
    """Looks would come in a burst and then be held until the count begins anew."""
    budget = Budget(100, ends=600.0)
    assert pace(0.0, learn(0.0, budget, 0), NONE, 1, wanted=False) == pytest.approx(600 / 60)
    assert pace(300.0, learn(0.0, budget, 90), NONE, 1, wanted=False) == pytest.approx(300 / 7)
    assert pace(600.0, budget, NONE, 1, wanted=False) == 0.0


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(HOURS),
    st.integers(1, 60),
    st.integers(0, 150),
    st.lists(
        st.tuples(st.sampled_from(list(Use)), st.sampled_from([0, 0, 0, 1, 60, 400, 1801])),
        min_size=20,
        max_size=80,
    ),
    st.integers(0, 1 << 32),
)
def test_alone_on_an_account_nobody_is_ever_refused(
    hour: Hour, hourly: int, daily: int, wishes: list[tuple[Use, int]], seed: int
) -> None:
    """A call would be wasted, and a service that bans who calls on would lock the account."""
    world = opened(hour, hourly, daily, seed)
    known = world.service.refused
    at = world.now
    for use, gap in wishes:
        at += gap
        world.at(at, partial(world.want, use))
    world.run(at + 2 * DAY)
    assert world.service.refused == known


def opened(hour: Hour, hourly: int, daily: int, seed: int) -> World:
    """Return a world in which a first call has told the limits: before, nobody can know them."""
    world = World(Service(hour, hourly, daily), random.Random(seed))
    world.now = world.draw.random() * DAY
    while not world.standing.budgets:
        world.service.arrived.clear()  # what went unanswered before them would pass for another's
        world.want(Use.POLL)
        world.run(world.now + 60.0)
    return world


@pytest.mark.parametrize("hour", HOURS)
@pytest.mark.parametrize("seed", SEEDS)
def test_a_burst_of_hundreds_starves_nobody_and_wastes_nothing(hour: Hour, seed: int) -> None:
    """Ends would not be noticed, results not fetched, cancels not sent, until all is submitted."""
    world = opened(hour, 100, 0, seed)
    start = world.now
    for use in (Use.SUBMIT, Use.TRANSFER):
        for _ in range(300):
            world.want(use)
    world.watch(2)
    cancels = [start + 1000.0 * n for n in range(20)]
    for at in cancels:
        world.at(at, partial(world.want, Use.CANCEL))
    world.run(start + 6 * HOUR)
    assert world.service.refused == 0
    for n in range(1, 5):
        hourly = world.within(start + n * HOUR, start + (n + 1) * HOUR)
        assert hourly[Use.POLL] >= 16, "a fifth, in looks of two pages"
        assert hourly[Use.TRANSFER] >= 20
        assert hourly[Use.SUBMIT] >= 5
        assert hourly.total() >= 84, "all is used but what is kept for cancels and people"
    assert len(world.waits[Use.CANCEL]) == len(cancels)
    assert max(world.waits[Use.CANCEL]) == 0.0
    assert max(world.waits[Use.POLL]) < 396.0, "none is held until the next one"


@pytest.mark.parametrize("hour", HOURS)
def test_looks_without_a_pause_leave_room_for_all_else(hour: Hour) -> None:
    """A backend that asks too often would keep its own submits from going out."""
    world = opened(hour, 100, 0, 1)
    start = world.now
    for n in range(360):
        world.at(start + 60.0 * n, partial(world.want, Use.POLL))
    for n in range(10):
        world.at(start + HOUR + 1500.0 * n, partial(world.want, Use.SUBMIT))
        world.at(start + HOUR + 1500.0 * n, partial(world.want, Use.CANCEL))
    world.run(start + 6 * HOUR)
    assert world.service.refused == 0
    assert world.waits[Use.SUBMIT] == world.waits[Use.CANCEL] == [0.0] * 10


@pytest.mark.parametrize("hour", HOURS)
@pytest.mark.parametrize("pages", [1, 2, 7])
def test_looks_that_keep_the_pace_are_never_held(hour: Hour, pages: int) -> None:
    """Looks would come in a burst, and then an hour without any."""
    world = opened(hour, 100, 0, pages)
    start = world.now
    world.watch(pages)
    world.run(start + DAY)
    assert max(world.waits[Use.POLL]) == 0.0
    assert world.service.refused == 0
    an_hour = world.within(start + HOUR, start + DAY).total() / 23
    assert an_hour == pytest.approx(60 // pages * pages * HOUR / 3960, rel=0.03)


@pytest.mark.parametrize("hour", HOURS)
@pytest.mark.parametrize("seed", SEEDS)
def test_beside_others_few_calls_are_refused_and_what_they_leave_is_used(
    hour: Hour, seed: int
) -> None:
    """An account that is shared would be overdrawn by us for hours, or be left to the others."""
    world = opened(hour, 100, 0, seed)
    start = world.now
    world.watch(1)
    world.others(every=120.0, times=1)  # about 30 an hour
    for n in range(400):
        world.at(start + 60.0 * n, partial(world.want, Use.TRANSFER))
    world.run(start + 8 * HOUR)
    for n in range(1, 8):
        ours = world.within(start + n * HOUR, start + (n + 1) * HOUR)
        assert ours.total() >= 50
        assert ours[Use.POLL] >= 12
    assert world.service.refused <= 8, "about one an hour, by what they called since our last reply"


@pytest.mark.parametrize("began", [0.0, 100.0, 179.9])
def test_a_call_counts_for_a_whole_period(began: float) -> None:
    """A service that saw it late, at the last moment, would refuse the next one."""
    full = spend(began, Budget(1, HOUR), [Use.SUBMIT])
    assert room(began + HOUR, full, NONE, Use.SUBMIT) == 0
    assert room(began + HOUR + 180.1, full, NONE, Use.SUBMIT) == 1
