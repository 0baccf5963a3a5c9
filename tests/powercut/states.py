"""States of the disk after a power cut, drawn from a seed, and each of them tried."""

import hashlib
import json
import os
import shutil
import signal
import traceback
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from orchestrator.config.home import Home
from tests.powercut.building import build
from tests.powercut.disk import Cut, Image, Way, after
from tests.powercut.promises import broken_after, broken_before
from tests.powercut.record import Recording, Told
from tests.powercut.restart import restart

AT_ONCE = 4  # each waits a good part of its time
LONGEST = 60  # seconds for one restart
WAYS = (Way.LAZY, Way.JOURNAL, Way.REORDERED, Way.LAZY, Way.REORDERED, Way.WRITTEN)


class State(NamedTuple):
    """One state: its number, the cut that leads to it, and what is wrong with it."""

    number: int
    cut: Cut
    bad: list[str]


def cut_of(recording: Recording, seed: int, number: int, states: int) -> Cut:
    """Return the cut of one state: the moments are spread evenly, all else is chance."""
    chance = f"{seed}:{number}"
    spread = (number + Random(chance).random()) / states
    moment = recording.points[int(spread * len(recording.points))]
    return Cut(moment, WAYS[number % len(WAYS)], chance)


def try_states(
    recording: Recording, numbers: range, seed: int, states: int, place: Path
) -> Iterator[State | None]:
    """Yield each state, tried; None for one that is the same as an earlier one."""
    seen: set[str] = set()
    running: dict[int, tuple[int, Cut, Path]] = {}
    try:
        for number in numbers:
            cut = cut_of(recording, seed, number, states)
            image, told = after(recording.root, recording.changes, cut), recording.told(cut.moment)
            digest = _digest(image, told)
            if digest in seen:
                yield None
                continue
            seen.add(digest)
            if len(running) == AT_ONCE:
                yield _reaped(running)
            world = place / str(number)
            running[_forked(image, told, world)] = (number, cut, world)
        while running:
            yield _reaped(running)
    finally:
        while running:
            _reaped(running)


def _digest(image: Image, told: Told) -> str:
    found = hashlib.sha256(repr(told).encode())
    for path, (inode, mode, data) in sorted(image.items()):
        found.update(f"{path}\0{inode.kind}{mode}{len(data)}\0".encode())
        found.update(data)
    return found.hexdigest()


def _forked(image: Image, told: Told, world: Path) -> int:
    process = os.fork()
    if process == 0:
        signal.alarm(LONGEST)
        try:
            bad = _try(image, told, world)
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            bad = [traceback.format_exc()]
        (world / "verdict").write_text(json.dumps(bad))
        os._exit(0)
    return process


def _try(image: Image, told: Told, world: Path) -> list[str]:
    (world / "outside").mkdir(parents=True)
    (world / "outside" / "ledger").write_text("".join(f"{line}\n" for line in told.ledger))
    build(image, world / "disk")
    bad = list(broken_before(Home(world / "disk" / "home")))
    return bad + list(broken_after(world, told, restart(world)))


def _reaped(running: dict[int, tuple[int, Cut, Path]]) -> State:
    """Wait for one of the restarts and remove its world."""
    process, _ = os.waitpid(-1, 0)
    number, cut, world = running.pop(process)
    try:
        bad = json.loads((world / "verdict").read_text())
    except FileNotFoundError:
        log = world / "serve.log"
        said = log.read_text()[-2000:] if log.exists() else ""
        bad = [f"died, or did not end in {LONGEST} s: {said}"]
    shutil.rmtree(world)
    return State(number, cut, bad)
