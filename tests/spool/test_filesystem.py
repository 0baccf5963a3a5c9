"""Where a home may lie."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.spool import check_file_system, check_one_file_system
from orchestrator.spool.filesystem import _judge


@pytest.mark.parametrize(
    ("magic", "level", "word"),
    [
        (0xEF53, "ok", ""),
        (0x6969, "refusal", "NFS"),
        (0xFF534D42, "refusal", "CIFS"),
        (0x65735546, "refusal", "FUSE"),
        (0x794C7630, "warning", "overlay"),
        (0x4D44, "warning", "0x4d44"),
    ],
)
def test_each_kind_of_file_system_is_judged(magic: int, level: str, word: str) -> None:
    """A queue on NFS would be corrupted without a warning."""
    check = _judge(magic, Path("/home/me"))
    assert check.level == level
    assert word in check.text
    assert bool(check.text) == (level != "ok")


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no tmpfs here")
def test_a_home_in_memory_is_warned_of() -> None:
    """Somebody would keep his results where a reboot loses them."""
    check = check_file_system(Path("/dev/shm"))
    assert (check.level, "tmpfs" in check.text) == ("warning", True)


def test_one_file_system_is_found_good_and_left_clean(home: Home) -> None:
    """The daemon would refuse a good home, or litter it at each start."""
    assert check_one_file_system(home).level == "ok"
    for folder in (home.spool, home.claimed, home.archive, home.rejected):
        assert list(folder.iterdir()) == []


BIND = """
mount --bind "$1" "$1" && exec "$2" -c '
import sys
from pathlib import Path
from orchestrator.config.home import Home
from orchestrator.spool import check_one_file_system
print(check_one_file_system(Home(Path(sys.argv[1]))))' "$3"
"""


def test_a_spool_that_is_mounted_by_itself_is_refused(home: Home) -> None:
    """Drops could never be claimed: same device, yet every rename fails."""
    if (
        not shutil.which("unshare")
        or subprocess.run(["unshare", "-m", "true"], check=False).returncode
    ):
        pytest.skip("needs the right to mount")
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", BIND, "sh", home.spool, sys.executable, home.root],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "refusal" in done.stdout
    assert "Invalid cross-device link" in done.stdout
    assert list(home.spool.iterdir()) == []


def test_what_a_killed_check_left_is_cleared_away(home: Home) -> None:
    """Fsck would tell of a folder in the archive that nobody dropped."""
    for folder in (home.spool, home.archive):
        (folder / ".probe-0123456789abcdef").mkdir()
    assert check_one_file_system(home).level == "ok"
    assert not [*home.spool.iterdir(), *home.archive.iterdir()]
