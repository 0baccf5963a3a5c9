"""The whole program, killed before the calls that matter most, and before some drawn by chance."""

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.killing.calls import CHANGING, HARMLESS

ROOT = Path(__file__).parents[2]
SWEEP = [sys.executable, "tests/kills.py"]
CALL = re.compile(r"^\d+ +(\w+)\(", re.MULTILINE)

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the tracer knows the registers of x86-64"
)


def _sweep(environment: dict[str, str], *options: str) -> str:
    done = subprocess.run(
        [*SWEEP, *options], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


MOMENTS = {
    "a start": ("daemon", "one", r"unlink(at)?\(state/(queue.db-journal|claimed|archive)"),
    "a start on a bad disk": ("eio", "one", r"openat\(state/lock|renameat2\(spool/.probe"),
    "a drop": ("producer", "submit", ""),
    "a drop on a bad disk": ("eio", "submit", r"fsync\(spool"),
    "an acceptance": ("daemon", "one", r"renameat2\((spool/one|state/claimed)"),
    "requests": ("daemon", "many", r"renameat2\(state/claimed"),
    "a submit": ("daemon", "one", r"fork|sendto"),
    "a run": ("supervisor", "one", r"clone3|exit.json"),
    "a publication": ("daemon", "one", r"rename\w*\((state/staging|results)"),
    "a run let go": ("daemon", "one", r"renameat\(state/backends/\w+/runs/orch-[-\w]+\)"),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_before_and_after(environment: dict[str, str], moment: str) -> None:
    """A crash just before or after something becomes visible would lose a job, or run it twice."""
    mode, scenario, calls = MOMENTS[moment]
    _sweep(environment, "--only", mode, "--scenario", scenario, "--at", calls)


def test_points_drawn_by_chance(environment: dict[str, str]) -> None:
    """A crash, or a disk that fails or is full, would do harm at a moment nobody thought of."""
    _sweep(environment, "--sample", "1", "--scenario", "many")


@pytest.mark.needs("strace")
def test_no_call_that_changes_something_is_missed(
    tmp_path: Path, program: list[str], environment: dict[str, str]
) -> None:
    """A call that nobody wrote down is one at which nobody was ever killed."""
    home, log = tmp_path / "home", tmp_path / "trace"
    run = [*program, "--home", str(home)]
    subprocess.run([*run, "init"], env=environment, check=True, capture_output=True)
    (home / "spool" / "one.toml").write_text('[run]\ncommand = ["sh", "-c", "echo 1 > out"]\n')
    (home / "spool" / "odd.toml").write_text("[run\n")
    others = ",".join(f"?{name}" for name in sorted(HARMLESS))  # ?: some machines have not all
    trace = ["strace", "-f", "--seccomp-bpf", "-o", str(log), "-e", f"trace=!{others}"]
    serve = [*run, "serve", "--until-idle"]
    subprocess.run([*trace, *serve], env=environment, check=False, capture_output=True)
    called = set(CALL.findall(log.read_text(errors="replace")))
    assert {"renameat2", "fsync", "pwrite64", "clone3"} <= called
    assert called <= CHANGING.keys(), called - CHANGING.keys()


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("scenario", ["one", "many", "submit"])
def test_every_point(environment: dict[str, str], scenario: str) -> None:
    """A crash, or a disk that fails or is full, at one call of all would do harm."""
    _sweep(environment, "--scenario", scenario)
