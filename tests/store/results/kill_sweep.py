"""Kill a harvest before each of its state-changing calls, then look, repair and look again.

Run as `python -m tests.store.results.kill_sweep FOLDER SEED`. It runs as a user without rights
where it can, so that read-only folders are in the way as they would be. Prints how many points
were tried; any state that is neither "not there" nor "whole" ends it with the point's number.
"""

import os
import signal
import sys
from itertools import count
from pathlib import Path
from random import Random
from types import FrameType

from orchestrator.config.home import Home
from orchestrator.store.results import begin, disk, leftovers, runs_in, verify
from tests.store.results.scenario import JOB, NOTES, UNPACKED, ended, harvest, new_home

CHANGES = {"open", "write", "fsync", "mkdir", "unlink", "rmdir", "rename", "symlink", "fchmod"}
NOBODY = 65534
PAIRS = 100


def die_at(point: int) -> None:
    """Let this process be killed before its `point`-th call that changes the disk, from 1."""
    seen = count(1)

    def watch(frame: FrameType, event: str, called: object) -> None:
        # renameat2 is called through ctypes, which tells the profiler nothing: watch our function.
        is_move = event in {"call", "return"} and frame.f_code.co_name == "move"
        is_change = event == "c_call" and getattr(called, "__name__", "") in CHANGES
        if (is_move or is_change) and next(seen) == point:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(watch)


def dies(home: Home, point: int) -> bool:
    """Harvest in a child that is killed at a point; False when it got to its end before."""
    child = os.fork()
    if child == 0:
        die_at(point)
        harvest(home, 2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status in {0, signal.SIGKILL}, f"point {point}: the child ended with {status}"
    return status != 0


def check_whole_or_unseen(home: Home, at: str) -> None:
    """Whatever a person can see of a run is all of it."""
    for run in runs_in(home.results / f"beam-{JOB}"):
        findings = verify(home.results / f"beam-{JOB}" / str(run))
        assert findings == [], f"{at}: half a result is visible: {findings}"


def check_repaired(home: Home, at: str) -> None:
    """Harvesting again brings exactly what an undisturbed harvest brings."""
    published = harvest(home, 2)
    job = home.results / f"beam-{JOB}"
    assert published.notes == NOTES, at
    for name, data in UNPACKED.items():
        assert (job / "2" / name).read_bytes() == data, f"{at}: {name}"
    assert verify(home.root / published.path, manifest_sha256=published.manifest_sha256) == [], at
    there = sorted(path.name for path in job.iterdir())
    assert there == ["1", "2", "latest"], f"{at}: {there}"
    assert str((job / "latest").readlink()) == "2", at
    assert leftovers(home) == [], f"{at}: {leftovers(home)}"
    folders = [job / "2", *(path for path in (job / "2").rglob("*") if path.is_dir())]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o555}, at


def fresh_home() -> Home:
    """Make a home with one run published, and the rest of an older listing in staging."""
    with disk.folder(".") as here:
        disk.remove_tree("home", within=here)
    home = new_home(Path("home"))
    harvest(home, 1)
    staging = begin(home, ended(2).key) / "outputs"
    for old in (staging / "older" / "half", staging / "case" / "0.1" / "half"):
        old.parent.mkdir(parents=True)
        old.write_bytes(b"ha")
    return home


def main(folder: str, seed: int) -> None:
    """Sweep every point, then pairs of points: killed again while repairing."""
    os.chdir(folder)
    if os.geteuid() == 0:
        os.chown(".", NOBODY, NOBODY)
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    last = 0
    for point in count(1):
        home = fresh_home()
        if not dies(home, point):
            last = point - 1
            break
        check_whole_or_unseen(home, f"point {point}")
        check_repaired(home, f"point {point}")
    random = Random(seed)
    for _ in range(PAIRS):
        first, second = random.randint(1, last), random.randint(1, last)
        home, at = fresh_home(), f"points {first}, then {second}"
        dies(home, first)
        dies(home, second)
        check_whole_or_unseen(home, at)
        check_repaired(home, at)
    sys.stdout.write(f"{last}\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
