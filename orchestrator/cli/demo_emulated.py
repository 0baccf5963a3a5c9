"""The demo of a remote service: an emulator in the throw-away home, and jobs for it."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from orchestrator.cli import screen
from orchestrator.cli.demo_jobs import DemoJob, Show
from orchestrator.cli.fault import Fault
from orchestrator.config.home import Home
from orchestrator.core.lifecycle import Shown

PATIENCE = 10  # seconds


def _rails() -> str:
    """Return points of both rails of a curve of 2 km radius, 1.5 m apart, as CSV."""
    lines = ["s,x_left,y_left,x_right,y_right"]
    for i in range(60):
        angle = i * 5 / 2000
        left, right = 2000 - 0.75, 2000 + 0.75
        points = [f(angle) * r for r in (left, right) for f in (math.sin, math.cos)]
        lines.append(",".join(f"{it:.4f}" for it in (i * 5, *points)))
    return "\n".join([*lines, ""])


RAILS = DemoJob(
    "rails",
    "a regression of a track, from an uploaded file",
    {
        "rails/job.toml": """\
backend = "tcp"

[run]
app = "sncf_reseau/railway_track_regression"
inputs = { rails = { input = "rails.csv" }, degree = 4 }
""",
        "rails/rails.csv": _rails(),
    },
)

NO_MESH = DemoJob(
    "no-mesh",
    "fails over there, and says why",
    {
        "no-mesh.toml": """\
backend = "tcp"

[run]
app = "emulator/shell"
inputs = { script = "echo begun > progress.txt; echo 'there is no mesh' >&2; exit 3" }
"""
    },
    ends=Shown.FAILED,
)

THECROSSPRODUCT = Show(
    (RAILS, NO_MESH), ((RAILS, "outputs/alignment.json"), (NO_MESH, "outputs/progress.txt"))
)


@contextmanager
def emulated(kind: str, home: Home) -> Iterator[None]:
    """Start an emulator in a home, and configure a backend on it. Raises Fault if it cannot be."""
    root = home.root / "emulator"
    command = [sys.executable, "-m", "orchestrator", "emulate", kind, "--root", str(root)]
    emulator = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    with emulator, _ending(emulator):
        line = emulator.stdout.readline() if emulator.stdout else b""
        if not line:
            raise Fault(f"the emulator of {kind} did not start")
        facts = json.loads(line)
        with home.config.open("a", encoding="utf-8") as config:
            config.write(f"\n{facts['configuration']}")
        screen.say(f"An emulator stands in for the service, at {facts['url']}.")
        yield


@contextmanager
def _ending(emulator: "subprocess.Popen[bytes]") -> Iterator[None]:
    """End the emulator in order, and with it what runs there."""
    try:
        yield
    finally:
        emulator.terminate()
        with suppress(subprocess.TimeoutExpired):
            emulator.wait(PATIENCE)
        emulator.kill()
