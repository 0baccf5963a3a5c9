"""The emulated DRMAAtic against what was recorded of real ones, in both dialects."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.emulators.drmaatic.kind import KIND
from orchestrator.emulators.server import Settings, serving
from tests.emulators.drmaatic.asking import Client
from tests.emulators.drmaatic.replay import Replay, exchanges, waits
from tests.emulators.talking import until

LEFT_OUT = {
    "011-task-pagesize0": "with the one entry more, the catalogue does not fit on its first page",
    "181-expensive-more-1": "which of the service's processes answers is chance; test_quota has it",
    "181-expensive-more-2": "as above",
    "181-expensive-more-3": "as above",
    "181-expensive-more-4": "as above",
}


def _slow_posts(replay: Replay) -> None:
    for _ in range(10):
        replay.me.post("sleep", ("seconds", "0"), who="slow")


def _slow_gets(replay: Replay) -> None:
    for _ in range(8):
        replay.me.ask("GET", "/job/", "slow")


def _dropped(replay: Replay) -> None:
    tag = ("job_description", "dropped-conn-1")
    replay.me.start("sleep", ("seconds", "3"), tag, who="bob")


def _awake(replay: Replay) -> None:
    """End the nap of the program that only shows something, which has begun by now or will."""
    naps: list[psutil.Process] = until(lambda: list(_naps(replay.me.told.root)))
    for nap in naps:
        nap.terminate()
    replay.me.set(pause=0.0)


def _naps(root: Path) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == "sleep" and Path(process.cwd()).is_relative_to(root.resolve()):
                yield process


def _described_later(replay: Replay) -> None:
    replay.ids["d5936fbe-fb0e-46e2-84bf-fb3917967103"] = replay.me.start("fail")


# What was done in between without being recorded, or is done here in place of a wait.
BEFORE: dict[str, Callable[[Replay], object]] = {
    "024-status": _awake,
    "14-get-done": _awake,
    "167-toolong": lambda replay: replay.me.ahead(61),
    "170-cpucredit-anon": lambda replay: replay.me.set(credit=200),
    "176-slow-post-12": _slow_posts,
    "178-slow-get-9": _slow_gets,
    "179-expensive-1": lambda replay: replay.me.set(processes=4),
    "200-anon-post": lambda replay: replay.me.set(credit=0),
    "240-put-desc": _described_later,
    "291-list-right-after-drop": _dropped,
}


@pytest.mark.parametrize(("year", "run"), [(2025, "job"), (2023, "task")])
def test_every_recorded_exchange_goes_the_same_way(year: int, run: str, tmp_path: Path) -> None:
    """A client would be tested against a service that nobody has."""
    dials = {"dialect": year, "pause": 1000.0}
    found: list[str] = []
    with serving(KIND, tmp_path, Settings(step=0.01, dials=dials)) as told:
        me = Client(told, run)
        replay = Replay(me)
        for exchange in exchanges(year):
            if exchange["name"] not in LEFT_OUT:
                if exchange["name"] in BEFORE:
                    BEFORE[exchange["name"]](replay)
                found += [f"{exchange['name']}: {it}" for it in _made(replay, exchange)]
        me.close()
    assert found == []


def _made(replay: Replay, exchange: dict[str, Any]) -> list[str]:
    """Make a request, a look again and again until it fits; return how it differs."""
    found: list[str] = []

    def fits() -> bool:
        found[:] = replay.faults(exchange, replay.make(exchange))
        return not found

    if waits(exchange):
        with suppress(AssertionError):
            until(fits)
    else:
        fits()
    return found
