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
from tests.powercut.at_rest import broken_at_rest
from tests.powercut.building import build
from tests.powercut.disk import Cut, Image, Way, after
from tests.powercut.promises import broken_after
from tests.powercut.record import Recording, Told
from tests.powercut.restart import restart

AT_ONCE = 4  # restarts; each waits a good part of its time
LONGEST = 60  # seconds for one restart
WAYS = (Way.LAZY, Way.LAZY, Way.JOURNAL, Way.REORDERED, Way.REORDERED, Way.WRITTEN)


class State(NamedTuple):
    """One state: its number, the cut that leads to it, and what is wrong with it."""

    number: int
    cut: Cut
    bad: list[str]


class Choice(NamedTuple):
    """Which states are drawn: from a seed, so many, and every so many-th of them is started on."""

    seed: int
    states: int
    start_every: int


def cut_of(recording: Recording, number: int, choice: Choice) -> Cut:
    """Return the cut of one state: the moments are spread evenly, all else is chance."""
    chance = f"{choice.seed}:{number}"
    random = Random(chance)
    spread = (number + random.random()) / choice.states
    moment = recording.points[int(spread * len(recording.points))]
    return Cut(moment, random.choice(WAYS), chance)


def try_states(
    recording: Recording, numbers: range, choice: Choice, place: Path
) -> Iterator[State | None]:
    """Yield each state, tried; None for one that is the same as an earlier one."""
    seen: set[str] = set()
    running: dict[int, tuple[State, Path]] = {}
    try:
        for number in numbers:
            cut = cut_of(recording, number, choice)
            image, told = after(recording.root, recording.changes, cut), recording.told(cut.moment)
            digest = _digest(image, told)
            if digest in seen:
                yield None
                continue
            seen.add(digest)
            if len(running) == AT_ONCE:
                yield _reaped(running)
            world = place / str(number)
            _build(image, told, world)
            state = State(number, cut, list(broken_at_rest(Home(world / "disk" / "home"), told)))
            if number % choice.start_every == 0:
                running[_started(told, world)] = (state, world)
            else:
                shutil.rmtree(world)
                yield state
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


def _build(image: Image, told: Told, world: Path) -> None:
    (world / "outside").mkdir(parents=True)
    (world / "outside" / "ledger").write_text("".join(f"{line}\n" for line in told.ledger))
    build(image, world / "disk")


def _started(told: Told, world: Path) -> int:
    """Fork a process that starts on a disk and judges what comes of it."""
    process = os.fork()
    if process == 0:
        signal.alarm(LONGEST)
        try:
            bad = list(broken_after(world, told, restart(world)))
        except BaseException:  # noqa: BLE001 - whatever it is, this process ends here
            bad = [traceback.format_exc()]
        (world / "verdict").write_text(json.dumps(bad))
        os._exit(0)
    return process


def _reaped(running: dict[int, tuple[State, Path]]) -> State:
    """Wait for one of the restarts and remove its world."""
    process, _ = os.waitpid(-1, 0)
    state, world = running.pop(process)
    try:
        state.bad.extend(json.loads((world / "verdict").read_text()))
    except FileNotFoundError:
        log = world / "serve.log"
        said = log.read_text()[-2000:] if log.exists() else ""
        state.bad.append(f"died, or did not end in {LONGEST} s: {said}")
    shutil.rmtree(world)
    return state
