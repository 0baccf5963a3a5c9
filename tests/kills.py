"""Kill the real program before each call by which it changes something, and look what comes of it.

`python tests/kills.py [--sample N] [--seed S] [--only MODE …]`

The modes: the daemon alone, its supervisor alone, or everything is killed before the call
(`daemon`, `supervisor`, `all`); everything is killed, and once more in the recovery (`recovery`);
the producer is killed (`producer`); the call fails (`eio`, `enospc`, `edquot`). Each trial starts in
a fresh small home, lets one thing go wrong, starts the daemon again until everything is at rest,
and holds spool, queue, results and the ledger that the runs left outside against what must be.

All points are tried, or with --sample N so many of each mode and scenario, drawn by the seed. Ends
with 1 when anything was lost, run twice, or wrong.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.killing.scenarios import SCENARIOS
from tests.killing.sweep import MODES, Sweep, Trial, hurry, numbers


def main(words: list[str]) -> int:
    """Sweep; return the exit code."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sample", type=int)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--only", nargs="+", choices=[*MODES], default=[*MODES])
    parser.add_argument("--scenario", nargs="+", choices=[*SCENARIOS], default=[*SCENARIOS])
    options = parser.parse_args(words)
    rng = random.Random(options.seed)
    _say(f"seed {options.seed}")
    hurry()
    total: Counter[str] = Counter()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="orchestrator-kills-") as folder:
        for name in options.scenario:
            sweep = Sweep(SCENARIOS[name], Path(folder) / name)
            points = sweep.points()
            for mode in options.only:
                chosen = numbers(points, MODES[mode], options.sample, rng)
                total += _mode(f"{name}, {mode}", (sweep.hit(mode, n) for n in chosen))
    _say(f"{time.monotonic() - began:.0f} s; " + ", ".join(f"{v} {k}" for k, v in total.items()))
    return 1 if total["bad"] else 0


def _mode(name: str, trials: Iterator[Trial]) -> Counter[str]:
    count: Counter[str] = Counter({"points": 0, "hit": 0, "lost": 0, "run twice": 0, "bad": 0})
    failed: set[str] = set()
    for trial in trials:
        count["points"] += 1
        count["hit"] += bool(trial.hits)
        count["lost"] += len(trial.judgement.lost)
        count["run twice"] += len(trial.judgement.twice)
        count["held"] += len(trial.judgement.held)
        count["failed"] += len(trial.judgement.failed)
        failed.update(trial.judgement.failed)
        if trial.bad:
            count["bad"] += 1
            _say(str(trial))
    _say(f"{name}: " + ", ".join(f"{v} {k}" for k, v in count.items()))
    for reason in sorted(failed):
        _say(f"  failed, and said so: {reason}")
    return count


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
