"""The governor of an account: what it remembers, and that all calls pass it."""

import json
from pathlib import Path

import anyio
import pytest

from orchestrator.backend import QuotaError
from orchestrator.backends.http import Account, Governor, Use, read_standing
from orchestrator.backends.http.headers import Pause
from orchestrator.backends.http.standing import FAILURES, Outcome


class Clock:
    """Both clocks, set by the test."""

    def __init__(self) -> None:
        self.steady, self.wall = 50.0, 1_800_000_000.0


def governor(directory: Path, clock: Clock, calls: str | None = None, at_once: int = 4) -> Governor:
    """Open a governor as a daemon does that starts."""
    account = Account(url="https://api.example.org", calls=calls, at_once=at_once)
    return Governor(
        account,
        directory,
        name="cloud",
        steady=lambda: clock.steady,
        wall=lambda: clock.wall,
        u=lambda: 0.5,
    )


async def call(it: Governor, outcome: Outcome, use: Use = Use.SUBMIT) -> None:
    """Make one call that comes to this."""
    async with it.admit(use) as permit:
        permit.outcome = outcome


async def held(it: Governor, use: Use = Use.SUBMIT) -> QuotaError:
    """Return how a call is turned away."""
    with pytest.raises(QuotaError) as caught:
        await call(it, Outcome("answered"), use)
    assert caught.value.effect == "none"
    return caught.value


def restarted(clock: Clock, seconds: float, wall: float | None = None) -> None:
    """Let time pass in which the machine was restarted: its steady clock begins anew."""
    clock.steady = 3.0
    clock.wall += seconds if wall is None else wall


async def test_a_restart_is_no_clean_slate(tmp_path: Path) -> None:
    """A daemon that is restarted in an outage, or by a timer, would call as if nothing were."""
    clock = Clock()
    it = governor(tmp_path, clock, "10/h")
    for _ in range(FAILURES):
        await call(it, Outcome("failed", "no answer"))
    it.close()
    restarted(clock, 1.0)
    it = governor(tmp_path, clock, "10/h")
    assert "failed 5 times in a row (no answer)" in str(await held(it))
    clock.steady += 10
    for _ in range(5):
        await call(it, Outcome("answered"))
    error = await held(it)
    assert str(error).startswith("cloud: 0 of 10 calls an hour are left; the next is free in")
    assert error.retry_after == pytest.approx(3600, abs=200)


@pytest.mark.parametrize(
    ("passed", "left"), [(60.0, 540.0), (600.0, None), (-1e6, 600.0), (1e7, None)]
)
async def test_a_pause_outlives_a_restart_and_a_clock_that_steps(
    passed: float, left: float | None, tmp_path: Path
) -> None:
    """A pause would be forgotten, or a clock set back would hold an account for ever."""
    clock = Clock()
    it = governor(tmp_path, clock)
    await call(it, Outcome("answered", busy=True, pause=Pause(600.0)))
    it.close()
    restarted(clock, passed)
    it = governor(tmp_path, clock)
    if left is None:
        await call(it, Outcome("answered"))
    else:
        assert (await held(it)).retry_after == pytest.approx(left)


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[1]", "nonsense", "[" * 100_000, '{"name": "x", "at": 1e999}', "\0", None],
)
async def test_a_damaged_memory_is_no_memory(text: str | None, tmp_path: Path) -> None:
    """The daemon would not start because of a file that does not matter."""
    file = tmp_path / "governor.json"
    if text is None:
        file.mkdir()
    else:
        file.write_text(text)
    it = governor(tmp_path, Clock(), "10/h")
    await call(it, Outcome("answered"))
    it.close()
    assert read_standing(tmp_path) == []


@pytest.mark.parametrize("key", ["paused", "open", "resets_in", "failures", "spent", "remaining"])
async def test_no_memory_holds_for_more_than_a_day(key: str, tmp_path: Path) -> None:
    """A damaged file would hold an account for years."""
    clock = Clock()
    it = governor(tmp_path, clock, "10/h")
    await call(it, Outcome("answered"))
    it.close()
    tree = json.loads((tmp_path / "governor.json").read_text())
    tree |= {key: [[-1e12, 10]] if key == "spent" else 1e12, "failures": 99, "remaining": 0.0}
    (tmp_path / "governor.json").write_text(json.dumps(tree))
    it = governor(tmp_path, clock, "10/h")
    clock.steady += 86401
    await call(it, Outcome("answered"))


async def test_people_are_told_what_is_held_back(tmp_path: Path) -> None:
    """A person could not tell why jobs stand still."""
    account = Account(url="https://api.example.org", calls="1/h")
    it = Governor(account, tmp_path, name="cloud")
    assert read_standing(tmp_path) == []
    await call(it, Outcome("answered"))
    it.close()
    [told] = read_standing(tmp_path)
    assert told.startswith("cloud: 0 of 1 calls an hour are left; the next is free in")
    (tmp_path / "governor.json").unlink()
    it = Governor(account, tmp_path, name="cloud")
    await call(it, Outcome("answered", busy=True, pause=Pause(720.0)))
    it.close()
    assert read_standing(tmp_path) == [
        "cloud: the service asked not to be called for another 12 min"
    ]


async def test_no_more_calls_are_under_way_than_allowed(tmp_path: Path) -> None:
    """A service that allows four at once would refuse the fifth."""
    it = governor(tmp_path, Clock(), at_once=2)
    now, most = 0, 0

    async def one() -> None:
        nonlocal now, most
        async with it.admit(Use.POLL) as permit:
            now += 1
            most = max(most, now)
            await anyio.lowlevel.checkpoint()
            now -= 1
            permit.outcome = Outcome("answered")

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(one)
    assert (now, most) == (0, 2)


async def test_a_call_that_finds_no_place_was_not_sent(tmp_path: Path) -> None:
    """A submit that only waited would be taken for doubtful."""
    it = governor(tmp_path, Clock(), at_once=1)
    async with it.admit(Use.TRANSFER):
        with pytest.raises(QuotaError) as caught:
            async with it.admit(Use.SUBMIT, limit=0.05):
                pass
    assert caught.value.effect == "none"
    await call(it, Outcome("answered"))


async def test_a_cancelled_call_gives_its_place_back(tmp_path: Path) -> None:
    """After some cancelled calls an account would stand still for ever."""
    clock = Clock()
    it = governor(tmp_path, clock, at_once=1)
    for _ in range(FAILURES):
        await call(it, Outcome("failed"))
    clock.steady += 10
    for _ in range(3):
        with anyio.CancelScope() as scope:
            async with it.admit(Use.POLL):
                scope.cancel()
                await anyio.lowlevel.checkpoint()
    await call(it, Outcome("answered"))
