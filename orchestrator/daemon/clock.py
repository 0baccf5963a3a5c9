"""The steady clock: seconds that go on through restarts and reboots and never step."""

import time
from collections.abc import Callable
from pathlib import Path

from orchestrator.core.now import Now
from orchestrator.store.home import Anchor

LONGEST_BELIEVED_OFF = 86400.0  # over a day between two boots is as likely a wrong clock

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def read_anchor(steady: float) -> Anchor:
    """Return what this machine's clocks read now, beside a steady time."""
    return Anchor(
        steady=steady,
        boot_seconds=time.clock_gettime(time.CLOCK_BOOTTIME),
        boot_id=BOOT_ID.read_text("ascii").strip(),
        wall=time.time(),
    )


def elapsed_since(then: Anchor, now: Anchor) -> float:
    """Return the seconds that surely passed between two readings; never negative.

    Within one boot the kernel's own count is right, suspended time included. Over a reboot there
    is only the wall clock: where it went back, or forward by more than a day, nothing is credited,
    so that a wait for proof is never cut short by a clock that was set.
    """
    if then.boot_id == now.boot_id:
        return max(0.0, now.boot_seconds - then.boot_seconds)
    passed = now.wall - then.wall
    return passed if 0 <= passed <= LONGEST_BELIEVED_OFF else 0.0


def start_clock(last: Anchor) -> Callable[[], Now]:
    """Return a clock that goes on from the last anchor that was saved."""
    first = read_anchor(0.0)
    base = last.steady + elapsed_since(last, first) - first.boot_seconds

    def now() -> Now:
        return Now(steady=base + time.clock_gettime(time.CLOCK_BOOTTIME), wall=time.time())

    return now
