"""The whole engine in simulated worlds: chance faults, crashes at any step, the real SQL."""

from collections import Counter

import pytest

from orchestrator.core.lifecycle import Outcome
from orchestrator.testing.simulate import simulate
from orchestrator.testing.world import World

EVERYDAY, IN_ONE_TEST = 900, 50
COUNTED_FROM, COUNTED = 1200, 100  # worlds more, in which it is also counted what happens
LONG, IN_ONE_LONG_TEST = 20_000, 500
RESTORED, LONG_RESTORED = 50, 4_000


def check(first: int, count: int, *, restores: bool = False) -> list[World]:
    """Let each world come to rest; name the seed of the first that broke a promise."""
    worlds = []
    for seed in range(first, first + count):
        world = simulate(seed, restores=restores)
        if world.failures:
            what, name = "\n".join(world.failures[:10]), f"{seed}r" if restores else str(seed)
            pytest.fail(f"{what}\nto replay: python -m orchestrator.testing.simulate {name}")
        worlds.append(world)
    return worlds


def restored(first: int, count: int) -> int:
    """Check worlds with restores; return how many there were."""
    worlds = check(first, count, restores=True)
    return sum(world.restorer.times for world in worlds if world.restorer is not None)


@pytest.mark.parametrize("first", range(0, EVERYDAY, IN_ONE_TEST))
def test_every_promise_holds_in_worlds_that_go_wrong(first: int) -> None:
    """A job would be lost, run twice, end otherwise than its run did, or never end at all."""
    check(first, IN_ONE_TEST)


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(EVERYDAY, EVERYDAY + LONG, IN_ONE_LONG_TEST))
def test_every_promise_holds_in_many_more_worlds(first: int) -> None:
    """The rarest meetings of faults would stay unknown until a user has them."""
    check(first, IN_ONE_LONG_TEST)


def test_every_promise_holds_in_worlds_whose_queue_is_restored() -> None:
    """A job would be lost, or be started again that had been started after the copy was made."""
    assert restored(0, RESTORED) > 10, "too few restores to prove anything"


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("first", range(RESTORED, RESTORED + LONG_RESTORED, IN_ONE_LONG_TEST))
def test_every_promise_holds_in_many_more_worlds_that_are_restored(first: int) -> None:
    """The rarest meetings of a restore and other faults would stay unknown."""
    assert restored(first, IN_ONE_LONG_TEST) > 100


@pytest.mark.parametrize("seed", [67, 169, 185, 199])
def test_a_seed_gives_the_same_world_again(seed: int) -> None:
    """A failure could not be replayed from its seed, and so not be understood."""
    one, other = simulate(seed), simulate(seed)
    assert one.trace == other.trace
    assert one.history == other.history


def test_the_worlds_go_everywhere() -> None:
    """Worlds in which nothing happens would prove nothing, however many there are."""
    worlds = check(COUNTED_FROM, COUNTED)
    outcomes, holds = all_of(worlds, "outcomes"), all_of(worlds, "holds")
    assert set(outcomes) == {outcome.value for outcome in Outcome}
    assert set(holds) == {"user", "unknown", "lost", "input", "outputs"}
    events = Counter(line.split()[1] for world in worlds for line in world.trace)
    for event in ("crash", "stop", "change", "find", "cancel", "forget", "hold", "retry", "adopt"):
        assert events[event] >= 5, event
    assert events["crash"] > 30
    history = [line for world in worlds for line in world.history]
    for reason in ("adopted: a person found it", "more than one run carries"):
        assert sum(reason in line for line in history) >= 3, reason
    for reason in (") has", "it has the study to itself"):
        assert sum(reason in line for line in history) >= 3, reason
    for reason in ("not started: ", "all that it comes after have", "in the end, after this job"):
        assert sum(reason in line for line in history) >= 3, reason
    for reason in ("set up over there", "start was never asked for", "stuck: "):
        assert sum(reason in line for line in history) >= 3, reason
    for reason in ("given up: stuck", "by itself, although it was to be stopped"):
        assert sum(reason in line for line in history) >= 3, reason
    behind = [r.behind for w in worlds for server in w.servers for r in server.runs.values()]
    assert sum(map(bool, behind)) >= 5, "runs that a server was given to hold back"
    parts = [part for world in worlds for server in world.servers for part in server.parts.values()]
    assert parts.count(3) >= 20
    assert outcomes["succeeded"] > 50


def all_of(worlds: list[World], what: str) -> Counter[str]:
    """Add up what was counted in each world."""
    total: Counter[str] = Counter()
    for world in worlds:
        total.update(getattr(world, what))
    return total
