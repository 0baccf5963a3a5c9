"""Days at cloudHPC in simulated time: what is lost, refused or starved, and how late ends are seen.

The figures are printed; `pytest -s` shows them.
"""

from dataclasses import replace
from itertools import pairwise

import pytest

from orchestrator.backends.http import Use
from tests.cloudhpc.day.world import Day, Plan, live_through

MINUTE = 60.0
# A tenth of everything: 20 runs on 10 calls an hour have as little as 200 have on 100.
SMALL = Plan(1, before=18, after=2, cancels=4, page=10, hourly=10, longest=30.0)


def lived(plan: Plan) -> Day:
    """Let a day go by, tell of it, and hold it against what holds whoever is on the account."""
    day = live_through(plan)
    print(day)  # noqa: T201 - the figures of the day are what it is for
    jobs = plan.before + plan.after
    assert not day.broken
    assert len(day.jobs) == jobs
    assert set(day.jobs.values()) <= {"succeeded", "cancelled"}
    ours = [ones for folder, ones in day.simulations.items() if folder.startswith("beam-")]
    assert [len(ones) for ones in ours] == [1] * len(ours), "a run was started twice"
    assert day.harvested == len(ours), "what a run left is not here as it was there"
    assert list(day.jobs.values()).count("succeeded") >= jobs - plan.cancels
    return day


def alone(plan: Plan) -> None:
    """Hold a day against what holds on an account that nobody else uses."""
    day = lived(plan)
    assert day.refused == 0
    assert max(day.cancels) <= 5 * MINUTE
    # The list is looked at as often as its pages allow; an end that it shows costs one more call,
    # which takes its turn among those for results.
    apart = max(later - look for look, later in pairwise(day.looks))
    assert max(day.noticed) <= 4 * apart <= 5 * 3600.0
    # None is made twice because it was held half-way: each run has a record, a listing of two
    # pages, one or two files; the new ones three calls to be sent, and the choices three once.
    assert day.calls[Use.TRANSFER] <= 6.6 * day.harvested
    assert day.calls[Use.SUBMIT] <= 3 * plan.after + 3


def test_a_day_of_many_runs_on_a_small_account() -> None:
    """Runs would end unseen for hours, cancels would wait, or the account would be locked."""
    alone(SMALL)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("page", [10, 25, 100])
def test_two_days_of_two_hundred_runs_on_a_hundred_calls_an_hour(seed: int, page: int) -> None:
    """As above, at the size that was promised."""
    alone(Plan(seed, page=page, hour="by the clock" if seed % 2 else "sliding"))


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
def test_a_day_that_asks_for_more_calls_than_there_are(seed: int) -> None:
    """With results waiting all day, cancels would wait with them, or runs would be lost."""
    day = lived(replace(SMALL, seed=seed, longest=15.0))
    assert day.refused == 0
    assert max(day.cancels) <= 5 * MINUTE


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("page", [10, 25])
def test_a_day_on_an_account_that_others_use_too(seed: int, page: int) -> None:
    """Their calls would be taken for ours, or ours would be made when they had used up all.

    Nobody can know what they have called since our last reply: some of our calls are refused. Each
    refusal tells, so there are few, and nothing is lost by them.
    """
    day = lived(replace(SMALL, seed=seed, page=page, others=900.0))
    assert day.refused <= day.calls.total() / 50
