"""Clocks for the daemon alone: one that is set while it runs, and one that has slept."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64")


def library() -> str:
    """Return where libfaketime lies."""
    return next(
        str(path) for place in LIBRARIES for path in Path(place).glob("faketime/libfaketime.so.1")
    )


class WallClock:
    """What programs take for the wall clock is ahead of the true one by what a file says.

    Clocks that cannot be set (since the boot, monotonic) stay true, and so do the times of files.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set("+0")

    def set(self, ahead: str) -> None:
        """Set the clock: "+400d", "-1h"; counted from the true time."""
        new = self._file.with_suffix(".new")
        new.write_text(ahead + "\n")
        new.replace(self._file)

    def environment(self, plain: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of a program under this clock."""
        return {
            **plain,
            "LD_PRELOAD": library(),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a change is seen; without it all is slow
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


class Slumber:
    """A machine that slept: to a program under it the time since the boot, and the wall clock, go
    forward by what it slept, and its monotonic clock does not. That is all it sees of a suspend.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.slept(0)

    def slept(self, seconds: float) -> None:
        """Say how long the machine has slept since the program was started."""
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)

    @property
    def program(self) -> list[str]:
        """The command `orchestrator` on this machine."""
        return [sys.executable, "-m", "tests.hardship.sleeper", os.fspath(self._file)]
