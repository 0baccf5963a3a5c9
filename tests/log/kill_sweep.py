"""Kill the writer of the status log before each of its system calls, and let it go on.

Run as `python -m tests.log.kill_sweep FOLDER`; prints how many points were tried.
"""

import os
import shutil
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType

from tests.log.writer import BATCH, HISTORY, follow, numbers


def die_at(point: int) -> None:
    """Let this process be killed before its `point`-th system call, from 1."""
    seen = count(1)

    def watch(_frame: FrameType, event: str, called: object) -> None:
        is_system_call = event == "c_call" and getattr(called, "__module__", "") == "posix"
        if is_system_call and next(seen) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def main(folder: Path) -> None:
    """Sweep every point."""
    for point in count(1):
        folder.mkdir()
        child = os.fork()
        if child == 0:
            die_at(point)
            follow(folder, BATCH)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        follow(folder, len(HISTORY))
        found = numbers(folder)
        assert found == [entry.seq for entry in HISTORY], f"point {point}: {found}"
        assert not list(folder.glob("*.new")), f"point {point}: half a copy is left"
        rotated = list(folder.glob("status.log.*"))
        shutil.rmtree(folder)
        if status == 0:
            assert len(rotated) > 1, "nothing was rotated"
            sys.stdout.write(f"{point - 1}\n")
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
