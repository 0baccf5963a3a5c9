"""The governor of an account: what it remembers, and that all calls pass it."""

import json
from pathlib import Path

import anyio
import pytest

from orchestrator.backend import QuotaError
from orchestrator.backends.http import Account, Governor, Use, read_budgets, read_standing
from orchestrator.backends.http.headers import Count, Pause, Window
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
    for use in (Use.POLL, Use.POLL, Use.TRANSFER, Use.TRANSFER, Use.CANCEL):
        await call(it, Outcome("answered"), use)
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


@pytest.mark.parametrize("key", ["paused", "open", "failures", "spent", "foreign_for", "ends"])
async def test_no_memory_holds_for_more_than_a_day(key: str, tmp_path: Path) -> None:
    """A damaged file would hold an account for years."""
    clock = Clock()
    it = governor(tmp_path, clock, "10/h")
    await call(it, Outcome("answered", window=Window(10, 0, 60.0)))
    it.close()
    tree = json.loads((tmp_path / "governor.json").read_text())
    tree["failures"] = 99
    if key in tree:
        tree[key] = 1e12
    for budget in tree["budgets"].values():
        budget["foreign"] = 10
        budget[key] = [[1e12, {"submit": 10}]] if key == "spent" else 1e12
    (tmp_path / "governor.json").write_text(json.dumps(tree))
    it = governor(tmp_path, clock, "10/h")
    await held(it)
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


async def test_what_the_service_counted_outlives_a_restart(tmp_path: Path) -> None:
    """A daemon that is restarted would spend a budget twice, or take its own calls for foreign."""
    clock = Clock()
    it = governor(tmp_path, clock)
    await call(it, Outcome("answered", counts=(Count(100, 12, 3600.0), Count(0, 0, 86400.0))))
    for use in [Use.POLL] * 30 + [Use.SUBMIT] * 8:
        await call(it, Outcome("answered"), use)
    it.close()
    restarted(clock, 600.0)
    it = governor(tmp_path, clock)
    assert it.pace(2) == pytest.approx(3960 / ((89 - 17 - 9 - 8 - 4) // 2))
    await call(it, Outcome("answered", counts=(Count(100, 51, 3600.0),)), Use.TRANSFER)
    it.close()
    tree = json.loads((tmp_path / "governor.json").read_text())
    assert tree["budgets"]["3600 s"]["foreign"] == 11
    restarted(clock, 3181.0)  # the first of the calls that were kept are an hour and a part old
    it = governor(tmp_path, clock)
    await call(it, Outcome("answered", counts=(Count(100, 13, 3600.0),)))
    it.close()
    tree = json.loads((tmp_path / "governor.json").read_text())
    assert (tree["budgets"]["3600 s"]["foreign"], len(tree["budgets"])) == (11, 1)


async def test_calls_under_way_are_not_forgotten_by_a_crash(tmp_path: Path) -> None:
    """After a crash the service would count calls that we do not, and refuse the last ones."""
    clock = Clock()
    it = governor(tmp_path, clock, "10/h", at_once=64)
    async with it.admit(Use.POLL), it.admit(Use.POLL):
        await call(it, Outcome("answered"))
    clock.steady += 1
    it = governor(tmp_path, clock, "10/h")
    for _ in range(4):
        await call(it, Outcome("answered"), Use.POLL)
    await held(it, Use.POLL)  # seven were made, three are for transfers and a cancel


async def test_a_memory_of_an_older_program_is_taken_as_far_as_it_goes(tmp_path: Path) -> None:
    """After an upgrade the daemon would not start, or call a service that asked for a pause."""
    old = {
        "name": "cloud", "at": 1_800_000_000.0, "calls": "1/h", "spent": [[5.0, 1]], "limit": None,
        "remaining": None, "resets_in": 0.0, "paused": 60.0, "busy": 1, "failures": 0,
        "denied": False, "why": "", "open": 0.0,
    }  # fmt: skip
    (tmp_path / "governor.json").write_text(json.dumps(old))
    clock = Clock()
    it = governor(tmp_path, clock, "1/h")
    assert (await held(it)).retry_after == pytest.approx(60.0)
    clock.steady += 60
    await call(it, Outcome("answered"))
    await held(it)


async def test_another_configured_limit_counts_what_was_spent(tmp_path: Path) -> None:
    """A limit that was lowered would be overdrawn by all that had been called before."""
    clock = Clock()
    it = governor(tmp_path, clock, "10/h")
    for _ in range(5):
        await call(it, Outcome("answered"))
    it.close()
    assert "0 of 5 calls an hour are left" in str(await held(governor(tmp_path, clock, "5/h")))
    await call(governor(tmp_path, clock, "5/min"), Outcome("answered"))
    await call(governor(tmp_path, clock), Outcome("answered"))


async def test_people_are_told_how_many_calls_an_account_has(tmp_path: Path) -> None:
    """A person could not tell who uses up an account: the polls, the submits, or somebody else."""
    assert read_budgets(tmp_path) == []
    account = Account(url="https://api.example.org", calls="600/min")
    it = Governor(account, tmp_path, name="cloud")
    for use in (Use.POLL, Use.POLL, Use.SUBMIT):
        await call(it, Outcome("answered", counts=(Count(100, 14, 3600.0),)), use)
    await call(it, Outcome("answered", window=Window(10, 9, 3000.0)))
    it.close()
    assert read_budgets(tmp_path) == [
        "cloud: 600 calls a minute, 4 used; of ours 2 to poll, 2 to submit (as configured)",
        "cloud: 100 calls an hour, 15 used, 11 of them not by us; of ours 2 to poll, 2 to submit",
        "cloud: 10 calls until it begins anew in 50 min, 1 used; of ours 1 to submit",
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


async def test_looks_yield_to_what_waits(tmp_path: Path) -> None:
    """Polls would go on at the pace of a free hour while results wait to be fetched."""
    clock = Clock()
    it = governor(tmp_path, clock, "100/h")
    for _ in range(60):
        await call(it, Outcome("answered"), Use.POLL)
    assert it.pace(1) == pytest.approx(3960 / 60)
    for _ in range(20):
        await call(it, Outcome("answered"), Use.TRANSFER)
    assert it.pace(1) == pytest.approx(3960 / 60), "nobody was held"
    told = (await held(it, Use.TRANSFER)).retry_after
    assert told is not None
    assert it.pace(1) == pytest.approx(3960 / 20)
    clock.steady += told + 61
    assert it.pace(1) == pytest.approx(3960 / 60), "it has come again"
