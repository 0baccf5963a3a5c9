"""Killed, cut off and out of room: a result is whole or not there."""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.smalldisk import run_on_small_disk

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SCENARIO = [sys.executable, "-m", "tests.store.results.scenario"]
SEED = 20261122
needs_strace = pytest.mark.needs("strace")


def test_killed_at_every_change_of_the_disk() -> None:
    """After a kill at the wrong moment half a result is visible, or the run can never end."""
    # A kill leaves to the kernel what was written, so memory is as good as a disk here, and quick.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(dir=memory) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.store.results.kill_sweep", folder, str(SEED)],
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
        )
    assert done.returncode == 0, f"seed {SEED}: {done.stderr}"
    assert int(done.stdout) > 60, "the sweep did not see the calls it is there for"


def test_a_full_disk_only_pauses(tmp_path: Path) -> None:
    """A full disk would lose a result or end the daemon."""
    run_on_small_disk(tmp_path, "tests.store.results.full_disk", size="3m")


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        ("fsync", "EIO", "FatalStorageError: stdout could not be synced"),
        ("fsync", "EINVAL", "FatalStorageError: stdout could not be synced"),
        ("fsync", "ENOSPC", "DiskFullError: no room on the disk for stdout"),
        ("fchmod", "EIO", "FatalStorageError: the disk failed at stdout"),
        ("write", "EIO", "FatalStorageError: the disk failed at stdout"),
        ("renameat2", "EIO", "FatalStorageError: the disk failed at the result beam-"),
        ("renameat2", "EDQUOT", "DiskFullError: no room on the disk for the result beam-"),
        ("symlinkat", "EROFS", "FatalStorageError: the disk failed at the result beam-"),
    ],
)
def test_a_failing_disk_is_fatal(tmp_path: Path, call: str, error: str, words: str) -> None:
    """After a failed sync the daemon would go on with bytes that are not on the disk."""
    inject = f"inject={call}:error={error}:when=1"
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", inject, *SCENARIO, str(tmp_path / "home")],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert words in done.stderr


@needs_strace
def test_everything_is_synced_before_it_is_visible(tmp_path: Path) -> None:
    """A power cut would leave a visible result with empty files: a kill cannot show that."""
    log, home = tmp_path / "calls", tmp_path / "home"
    traced = "trace=openat,mkdirat,unlinkat,write,fsync,renameat2,renameat,symlinkat"
    subprocess.run(
        ["strace", "-f", "-qq", "-y", "-o", log, "-e", traced, *SCENARIO, home],
        check=True,
        env=ENVIRONMENT,
    )
    calls = [line for line in log.read_text().splitlines() if str(home) in line]
    (visible,) = (n for n, line in enumerate(calls) if "renameat2(" in line)
    files, folders = set(), set()
    for line in calls[:visible]:
        path = re.search(r"<(/[^>]*)>", line)
        assert path, line
        if " write(" in line:
            files.add(path[1])
        elif " fsync(" in line:
            files.discard(path[1])
            folders.discard(path[1])
        elif "mkdirat(" in line or "unlinkat(" in line or "O_CREAT" in line:
            folders.add(path[1])
        elif " renameat(" in line:  # a whole part gets its name
            folders |= set(re.findall(r"<(/[^>]*)>", line))
    assert files == set(), "written and never synced"
    assert folders <= {str(home / "results")}, "changed and never synced"
    synced = {m[1] for line in calls[visible:] if (m := re.search(r"fsync\(\d+<([^>]*)>", line))}
    job = home / "results" / "beam-0123456789ab"
    assert {str(job), str(home / "results"), str(home / "state/staging")} <= synced
    (linked,) = (n for n, line in enumerate(calls) if n > visible and " renameat(" in line)
    assert any(f"<{job}>" in line for line in calls[linked:] if " fsync(" in line)
