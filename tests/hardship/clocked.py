"""The program `orchestrator` under two clocks of its own: `-m tests.hardship.clocked FILE …`."""

import sys
import time
from pathlib import Path

from orchestrator.cli import main

file = Path(sys.argv.pop(1))
true_clock, true_time = time.clock_gettime, time.time


def _ahead() -> tuple[float, float]:
    boot, wall = file.read_text().split()
    return float(boot), float(wall)


def _clock(which: int) -> float:
    return true_clock(which) + (_ahead()[0] if which == time.CLOCK_BOOTTIME else 0.0)


time.clock_gettime = _clock
time.time = lambda: true_time() + _ahead()[1]

main()
