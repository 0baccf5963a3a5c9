"""The power goes, anywhere in a recorded run: nothing is lost, run twice, or half visible."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATES = 1000  # all of them checked as they lie; one in eight is started on


def _powercuts(place: Path, states: int, start_every: int) -> None:
    choice = ["--states", str(states), "--start-every", str(start_every)]
    command = [sys.executable, str(ROOT / "tests/powercuts.py"), *choice]
    environment = os.environ | {"TMPDIR": str(place)}  # where a recording with bad states is kept
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    figures = re.search(r"(\d+) states after .* (\d+) of them distinct, 0 bad,", done.stdout)
    assert figures is not None, done.stdout
    assert int(figures[1]) == states
    assert int(figures[2]) > states / 2, "most states were the same"


@pytest.mark.needs("strace")
@pytest.mark.timeout(400)
def test_a_power_cut_loses_nothing_and_runs_nothing_twice(tmp_path: Path) -> None:
    """A power cut would cost somebody a job, make him pay for one twice, or show half a result."""
    _powercuts(tmp_path, STATES, start_every=8)


@pytest.mark.long
@pytest.mark.needs("strace")
@pytest.mark.timeout(3000)
def test_many_power_cuts(tmp_path: Path) -> None:
    """As above, where the moment that matters is one in thousands."""
    _powercuts(tmp_path, 10 * STATES, start_every=1)


@pytest.mark.long
@pytest.mark.needs("root", "mount", "mkfs.ext4", "mkfs.xfs")
@pytest.mark.timeout(3000)
def test_the_plug_is_pulled_on_real_file_systems() -> None:
    """What is true of the model of a disk would not be true of the disks that people have."""
    command = [sys.executable, str(ROOT / "tests/plugpulls.py"), "--pulls", "10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    figures = re.findall(r"(\d+) drops acknowledged and (\d+) runs begun", done.stdout)
    assert len(figures) == 2
    assert all(int(drops) > 10 and int(runs) > 10 for drops, runs in figures), "the plug came early"
