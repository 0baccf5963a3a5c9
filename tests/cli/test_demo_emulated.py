"""`orchestrator demo --kind`: the whole life of a job on a service, without an account there."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.cli.bench import Run, Start

ROOT = Path(__file__).parents[2]


def _speak_of(folder: Path) -> list[str]:
    """Return the processes whose command line names a folder: the emulator and the daemon do."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:  # gone
            continue
        if os.fsencode(folder) in line and entry.name != str(os.getpid()):
            found.append(line.decode())
    return found


@pytest.mark.parametrize(
    ("kind", "patterns"),
    [
        (
            "thecrossproduct",
            [
                r"rails .* RUNNING → HARVESTING ",
                r"rails +SUCCEEDED +1 +/",
                r"exited with 3: there is no mesh",
                r'"mean_gauge": 1\.[45]',
            ],
        ),
        (
            "cloudhpc",
            [
                r"beam .* RUNNING → HARVESTING ",
                r"beam +SUCCEEDED +1 +/",
                r'no-mesh .* COMPLETED, but its output says "@@@ ERROR: .* exit code 3"',
                r"\n500,2,12\.190\n",
            ],
        ),
        (
            "drmaatic",
            [
                r"atoms .* RUNNING → HARVESTING .* the files that prove success are there",
                r"atoms +SUCCEEDED +1 +/",
                r"no-mesh .* job finished, but failed",
                r"\nH,2\nO,1\n",
                r"\nno-mesh, outputs/progress.txt:\nbegun\n",
            ],
        ),
    ],
)
def test_a_job_at_an_emulated_service_ends_with_verified_results(
    run: Run, tmp_path: Path, kind: str, patterns: list[str]
) -> None:
    """People without an account could not see it work; or what they see would not be so."""
    home = tmp_path / "demo"
    answer = run("demo", "--kind", kind, "--home", home)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for pattern in (*patterns, r"no-mesh +FAILED +1 +/", r"2 runs verified"):
        assert re.search(pattern, answer.stdout), pattern
    assert "not as it should be" not in answer.stdout
    assert _speak_of(home) == []
    assert run("verify", "--all", "--home", home).returncode == 0


def test_an_interrupted_demo_leaves_no_emulator(start: Start, tmp_path: Path) -> None:
    """Whoever stops the demo would have a server running on, and a folder in /tmp."""
    environment = {"TMPDIR": str(tmp_path), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    child = start("demo", "--kind", "thecrossproduct", env=environment)
    assert child.stdout is not None
    for line in child.stdout:
        if "→ RUNNING" in line:
            break
    (place,) = tmp_path.glob("orchestrator-demo-*")
    assert _speak_of(place) != []
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    assert (child.returncode, error) == (130, "")
    assert _speak_of(place) == []
    assert not place.exists()
