"""Clocks for the daemon alone: one that is set while it runs, and one that has slept."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

DAY = 86400
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
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a change is seen
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }


class Clocks:
    """The two clocks of one program that are not true: since the boot, and on the wall.

    When a machine has slept, both have gone forward by as much, and the monotonic clock has not.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set()

    def set(self, *, boot: float = 0.0, wall: float = 0.0) -> None:
        """Say by how many seconds they are ahead."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{boot} {wall}")
        new.replace(self._file)

    def slept(self, seconds: float) -> None:
        """Say how long the machine has slept since the program was started."""
        self.set(boot=seconds, wall=seconds)

    @property
    def program(self) -> list[str]:
        """The command `orchestrator` under these clocks."""
        return [sys.executable, "-m", "tests.hardship.clocked", os.fspath(self._file)]
