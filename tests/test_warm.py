"""A command in a fork is told from one in a new interpreter by nothing but the time it takes."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.warm import Warm


@pytest.mark.parametrize(
    "words", [["--help"], ["nonsense"], ["schema", "job"], ["init"], ["serve", "--until-idle"]]
)
def test_both_do_the_same(
    program: list[str], environment: dict[str, str], warm: Warm, tmp_path: Path, words: list[str]
) -> None:
    """Hundreds of tests of commands would be about something that nobody runs."""
    homes = [{**environment, "ORCHESTRATOR_HOME": str(tmp_path / it)} for it in ("one", "two")]
    forked = warm.run(words, homes[0])
    started = subprocess.run(
        [*program, *words], env=homes[1], capture_output=True, text=True, check=False
    )
    assert forked.returncode == started.returncode
    assert forked.stdout == started.stdout.replace("/two", "/one")
    assert forked.stderr == started.stderr.replace("/two", "/one")


def test_a_kill_and_a_time_out_are_told(
    environment: dict[str, str], warm: Warm, tmp_path: Path
) -> None:
    """A daemon that was killed would count as one that ended, or be waited for without end."""
    environment["ORCHESTRATOR_HOME"] = str(tmp_path / "home")
    assert warm.run(["init"], environment).returncode == 0
    with (tmp_path / "said").open("w") as said:
        daemon = warm.start(["serve"], environment, said.fileno(), said.fileno())
    with pytest.raises(subprocess.TimeoutExpired):
        daemon.wait(0.01)
    assert Path(f"/proc/{daemon.pid}/environ").exists()
    daemon.kill()
    assert daemon.wait() == -9
    with pytest.raises(ProcessLookupError):
        os.kill(daemon.pid, 0)
