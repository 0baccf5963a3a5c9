"""A real disk runs full under the real daemon: harvesting waits, and goes on by itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("root", "mount")

MEGABYTE = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, 48 MB large."""
    place = tmp_path / "disk"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "none", place], check=True)
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_pauses_harvesting_and_not_the_daemon(
    small_disk: Path, tmp_path: Path, program: list[str], environment: dict[str, str]
) -> None:
    """A full disk would fail jobs, lose their results, or stop the daemon until somebody comes."""
    home = small_disk / "home"
    command = [*program, "--home", str(home)]
    subprocess.run([*command, "init"], env=environment, check=True, capture_output=True)
    (home / "orchestrator.toml").write_text('[results]\nkeep_free = "12 MB"\n')
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(16 * MEGABYTE))
    # The run itself finds room for its 12 MB; a second copy of them does not fit beside the rest.
    (home / "spool" / "big.toml").write_text(
        '[run]\ncommand = ["head", "-c", "12000000", "/dev/zero"]\n'
    )
    log = tmp_path / "serve.log"
    with log.open("wb") as file:
        daemon = subprocess.Popen(
            [*command, "serve", "--until-idle"], env=environment, stderr=file, stdout=file
        )
    try:
        _until(home / "log" / "orchestrator.jsonl", "waiting for space on the disk")
        explained = subprocess.run(
            [*command, "explain", "big"], env=environment, check=True, capture_output=True
        )
        assert b"waiting for space" in explained.stdout
        assert not list(home.glob("results/big-*/1"))  # nothing half is ever visible
        ballast.unlink()
        assert daemon.wait(60) == 0, log.read_text()
    finally:
        daemon.kill()
        daemon.wait()
    (run,) = home.glob("results/big-*/1")
    assert (run / "stdout").read_bytes() == bytes(12_000_000)
    verified = subprocess.run([*command, "verify", "--all"], env=environment, check=False)
    assert verified.returncode == 0


def _until(path: Path, word: str) -> None:
    """Follow a file, which need not exist yet, until one of its lines holds the word."""
    with subprocess.Popen(
        ["tail", "-n", "+1", "-F", path], stdout=-1, stderr=-3, text=True
    ) as tail:
        assert tail.stdout is not None
        for line in tail.stdout:
            if word in line:
                break
        tail.kill()
