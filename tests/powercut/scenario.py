"""What is recorded: people at work, and three lives of the daemon, the first of which is killed.

`python -m tests.powercut.scenario WORLD` plays it. Below WORLD lie `disk/home`, which a power cut
may take, and `outside`, which it does not reach: what people were told, and the ledger, in which
each run leaves a line, so that two lines of one run would be a run that ran twice.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from orchestrator.core.lifecycle import Shown

CONFIG = """\
[spool]
settle = "50ms"
[results]
keep_free = "1 MB"
[backends.local]
kind = "local"
max_runs = 4
stop_grace = "200ms"
"""
NOTED = 'echo "$ORCHESTRATOR_JOB_NAME $ORCHESTRATOR_RUN" >> "$HOME/ledger"\n'
MESH = b"".join(b"%d, 0.5, 0.25\n" % n for n in range(700))  # several sectors


class Sort(NamedTuple):
    """One job: what it does, how it may end, and what it then leaves in `outputs/`."""

    script: str
    outputs: Mapping[str, bytes]
    end: Shown = Shown.SUCCEEDED
    more: str = ""
    with_mesh: bool = False
    is_copied: bool = False  # with `cp` into the spool; the others are submitted

    def text(self) -> str:
        """Return the job file."""
        return f"{self.more}[run]\nscript = '''\n{NOTED}{self.script}\n'''\n"


CANCELLED = "slow"
JOBS = {
    "folder": Sort("cp mesh.inp copy.inp", {"copy.inp": MESH}, with_mesh=True),
    "copied": Sort("cp mesh.inp copy.inp", {"copy.inp": MESH}, with_mesh=True, is_copied=True),
    "fails": Sort(
        "echo half > half.txt; exit 3",
        {"half.txt": b"half\n"},
        end=Shown.FAILED,
        more='[retry]\nattempts = 2\ndelay = "20ms"\n',
    ),
    # It waits to be cancelled; in a world after the cut it does not.
    CANCELLED: Sort('[ -e "$HOME/after" ] || exec sleep 60', {}),
    "late": Sort("echo 7 > answer.txt", {"answer.txt": b"7\n"}),
}
REFUSED = "refused.toml"


def world_environment(world: Path) -> dict[str, str]:
    """Return the environment of all programs of a world; runs find the ledger by HOME."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(world / "outside"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def prepare(world: Path) -> None:
    """Write what people have ready, and make the two sides of the world."""
    (world / "disk").mkdir(parents=True)
    (world / "outside").mkdir()
    (world / "outside" / "ledger").touch()
    for name, sort in JOBS.items():
        text = sort.text()
        if sort.with_mesh:
            (world / "ready" / name).mkdir(parents=True)
            (world / "ready" / name / "job.toml").write_text(text)
            (world / "ready" / name / "mesh.inp").write_bytes(MESH)
        else:
            (world / "ready").mkdir(exist_ok=True)
            (world / "ready" / f"{name}.toml").write_text(text)
    (world / "ready" / REFUSED).write_text("[run]\ncommand = 7\n")


def play(world: Path) -> None:
    """Play it all, in the environment of the world."""
    home, ready = world / "disk" / "home", world / "ready"
    program = [sys.executable, "-m", "orchestrator", "--home", str(home)]

    def run(*command: str | Path, status: int = 0) -> None:
        with (world / "outside" / "said").open("ab") as said:
            done = subprocess.run(command, stdout=said, check=False)
        assert done.returncode == status, f"{command} ended with {done.returncode}"

    run(*program, "init")
    (home / "orchestrator.toml").write_text(CONFIG)
    run(*program, "submit", ready / "folder", ready / f"{CANCELLED}.toml")
    with subprocess.Popen([*program, "serve"]) as first:
        run("cp", "-r", ready / "copied", ready / REFUSED, home / "spool")
        _until(world / "outside" / "ledger", f"{CANCELLED} 1")
        first.kill()
    run(*program, "submit", ready / "fails.toml")
    with subprocess.Popen([*program, "serve", "--until-idle"]) as second:
        run(*program, "cancel", CANCELLED)
        assert second.wait() == 1  # one job failed
    run(*program, "submit", ready / "late.toml")
    run(*program, "serve", "--until-idle")
    _dismiss_supervisor(home / "state/backends/local")


def _dismiss_supervisor(folder: Path) -> None:
    """Send it home now: it would wait a while for more work, and the tracer for it."""
    with socket.socket(socket.AF_UNIX) as wire:
        os.chdir(folder)  # a socket's path may be too long
        wire.connect("supervisor.sock")
        wire.sendall(b'{"id": 1, "op": "hello"}\n')
        os.kill(json.loads(wire.recv(1000))["ok"]["pid"], signal.SIGTERM)


def _until(path: Path, line: str) -> None:
    """Follow a file until it holds the line."""
    follow = ["tail", "-n", "+1", "-f", str(path)]
    with subprocess.Popen(follow, stdout=-1, stderr=-3, text=True) as tail:
        assert tail.stdout is not None
        for one in tail.stdout:
            if one == f"{line}\n":
                break
        tail.kill()


if __name__ == "__main__":
    play(Path(sys.argv[1]))
