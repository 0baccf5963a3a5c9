"""The program `orchestrator` on a machine that slept: `python -m tests.hardship.sleeper FILE …`."""

import sys
import time
from pathlib import Path

from orchestrator.cli import main

file = Path(sys.argv.pop(1))
true_clock, true_time = time.clock_gettime, time.time


def _clock(which: int) -> float:
    return true_clock(which) + (_slept() if which == time.CLOCK_BOOTTIME else 0.0)


def _slept() -> float:
    return float(file.read_text())


time.clock_gettime = _clock
time.time = lambda: true_time() + _slept()

main()
