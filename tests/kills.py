"""Kill the real program before each call by which it changes something, and see what comes of it.

    python tests/kills.py [--sample N] [--seed S] [--only MODE …] [--scenario NAME …]
                          [--at PATTERN]

In each trial a fresh small home is served, one thing goes wrong, the daemon is started again until
everything is at rest, and spool, queue, results, logs and the ledger that the runs left outside are
held against what must be. What goes wrong, at each call in turn:

    daemon, supervisor, all   these are killed before the call
    recovery                  all are killed, and once more at each tenth call of what follows
    producer                  `orchestrator submit` is killed before the call
    eio, enospc, edquot       the call fails with this error

With --sample so many points of each mode and scenario are drawn by the seed; --at takes only those
before and right after a call whose text matches. Ends with 1 when anything was lost, run twice, or
wrong.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.killing.modes import KILL_ALL, MODES, chosen
from tests.killing.points import Point
from tests.killing.scenarios import SCENARIOS
from tests.killing.sweep import Sweep, Trial, hurry, recoveries

STEP = 10  # between two second kills, in calls of the recovery
FARTHEST = 150  # a second kill that is drawn by chance comes at most so many calls later
FEWER = 10  # of the points, for a first kill, when all are swept


def main(words: Sequence[str]) -> int:
    """Sweep; return the exit code."""
    parser = argparse.ArgumentParser()
    modes = [*MODES, "recovery"]
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--only", nargs="+", choices=modes, default=modes)
    parser.add_argument("--scenario", nargs="+", choices=[*SCENARIOS], default=[*SCENARIOS])
    parser.add_argument("--at", default="")
    options = parser.parse_args(words)
    rng = random.Random(options.seed)
    hurry()
    total: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orchestrator-kills-", dir=_quickest()) as folder:
        for name in options.scenario:
            sweep = Sweep(SCENARIOS[name], Path(folder) / name)
            points = sweep.points()
            for mode in options.only:
                trials = _trials(sweep, points, mode, options, rng)
                total.update(_told(f"{name}, {mode}", trials))
    _say(f"seed {options.seed}, {time.monotonic() - began:.0f} s: {_text(total)}")
    return 1 if total["bad"] or not total["points"] else 0


def _quickest() -> str | None:
    """Return where to work: a kill takes nothing that was written, synced or not.

    So memory serves as well as a disk. What a power cut takes is for another sweep to show.
    """
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _trials(
    sweep: Sweep,
    points: Sequence[Point],
    mode: str,
    options: argparse.Namespace,
    rng: random.Random,
) -> Iterator[Trial]:
    """Try the chosen points of one mode."""
    if mode != "recovery":
        for number in chosen(points, MODES[mode], options.at, options.sample, rng):
            yield sweep.hit(MODES[mode], number)
        return
    firsts = chosen(points, KILL_ALL, options.at, options.sample, rng)
    if options.sample is not None:
        for number in firsts:
            yield sweep.hit(KILL_ALL, number, rng.randrange(1, FARTHEST))
        return
    for number in firsts[rng.randrange(FEWER) :: FEWER]:
        yield from recoveries(sweep, number, rng.randrange(1, STEP + 1), STEP)


def _told(name: str, trials: Iterable[Trial]) -> Counter[str]:
    """Count how trials went; print those that went badly, and one line for all."""
    count: Counter[str] = Counter()
    failed: set[str] = set()
    for trial in trials:
        found = trial.judgement
        count["points"] += 1
        count["hit"] += bool(trial.hits)
        count["lost"] += len(found.lost)
        count["run twice"] += len(found.twice)
        count["held"] += len(found.held)
        count["failed"] += len(found.failed)
        count["bad"] += bool(trial.bad)
        failed.update(found.failed)
        if trial.bad:
            _say(str(trial))
    if count:
        _say(f"{name}: {_text(count)}")
    for reason in sorted(failed):
        _say(f"    failed, and says why: {reason}")
    return count


def _text(count: Counter[str]) -> str:
    kinds = ("points", "hit", "lost", "run twice", "held", "failed", "bad")
    return ", ".join(f"{count[kind]} {kind}" for kind in kinds)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
