"""The commands beside a real daemon that runs real processes."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.cli.leftovers import end_processes_in, processes_in
from orchestrator.config.home import Home
from orchestrator.store import lock
from tests.cli.bench import Run, Start


@pytest.fixture
def daemon(run: Run, start: Start, home: Home) -> Iterator[subprocess.Popen[str]]:
    """Serve the home; at the end of the test nothing of it is left running."""
    run("init")
    child = start("serve", stdout=subprocess.DEVNULL)
    assert child.stderr is not None
    assert any("ready" in line for line in child.stderr)  # it has read its configuration
    yield child
    child.terminate()
    child.wait(30)
    end_processes_in(home.root)


def spec(folder: Path, name: str, script: str) -> Path:
    """Write a job file that runs a script."""
    path = folder / f"{name}.toml"
    path.write_text(f"[run]\nscript = '''\n#!/bin/sh\n{script}\n'''\n")
    return path


@pytest.mark.usefixtures("daemon")
def test_submit_waits_and_tells_how_each_job_ended(run: Run, tmp_path: Path) -> None:
    """A script could not build on a job's results, or would build on those of a failed one."""
    good, bad = spec(tmp_path, "good", "echo 42 > x"), spec(tmp_path, "bad", "exit 3")
    answer = run("submit", "--wait", good)
    assert answer.returncode == 0
    job = answer.stdout.strip()
    told = answer.stderr.splitlines()
    assert told[-1].startswith(f"{job} good SUCCEEDED: exit code 0")
    path = run("results", job, "--path").stdout.strip()
    assert (Path(path) / "outputs" / "x").read_text() == "42\n"
    answer = run("submit", "--wait", good, bad)
    assert answer.returncode == 1
    assert re.search(r"^\S{12} bad FAILED: exit code 3", answer.stderr, re.MULTILINE)
    assert run("verify", "--all").returncode == 0
    assert run("fsck").stdout.endswith("no findings\n")


@pytest.mark.usefixtures("daemon")
def test_a_running_job_is_explained_held_released_and_cancelled(
    run: Run, start: Start, tmp_path: Path, home: Home
) -> None:
    """The person at the keyboard would have no say over a job that runs."""
    gate, told = tmp_path / "gate", tmp_path / "told"
    os.mkfifo(gate)
    os.mkfifo(told)
    script = f"echo begun; : > {told}; read line < {gate}"
    waiting = start("submit", "--wait", spec(tmp_path, "long", script))
    told.read_text()
    assert waiting.stderr is not None
    for line in waiting.stderr:
        if "RUNNING" in line:
            break
    text = run("explain", "long").stdout
    assert "the end of its run" in text
    assert "local is asked how it stands" in text
    assert "no daemon runs" not in text
    held = run("hold", "long")
    assert (held.returncode, held.stdout.split()[-2:]) == (0, ["hold", "done"])
    assert waiting.wait(60) == 1  # it waits for a person now
    assert "HELD: held on request" in waiting.stderr.read()
    assert run("release", "long").stdout.endswith("release done\n")
    refused = run("release", "long")
    assert refused.returncode == 1
    assert "release refused: the job is not held" in refused.stdout
    assert run("cancel", "long").returncode == 0
    follow = start("tail", "-f", "-n", "100", "--job", "long")
    assert follow.stdout is not None
    for line in follow.stdout:
        if "→ CANCELLED" in line:
            break
    (log,) = home.results.glob("long-*/1/stdout")
    assert log.read_text() == "begun\n"


@pytest.mark.usefixtures("daemon")
def test_a_running_job_is_looked_at_and_ends_with_its_result(
    run: Run, start: Start, tmp_path: Path, home: Home
) -> None:
    """A person who is curious would pay with the run, or find its result half."""
    gate, told = tmp_path / "gate", tmp_path / "told"
    os.mkfifo(gate)
    os.mkfifo(told)
    script = (
        f"echo said; echo 1 > early; echo > early.tmp; : > {told}; read x < {gate}; echo 2 > late"
    )
    path = spec(tmp_path, "beam", script)
    path.write_text(f"{path.read_text()}[outputs]\nexclude = ['*.tmp']\n")
    waiting = start("submit", "--wait", path)
    told.read_text()
    assert waiting.stderr is not None
    assert any("RUNNING" in line for line in waiting.stderr)
    assert run("fetch", "beam", "--now", "--to", tmp_path / "look").returncode == 0
    found = {
        path.name: path.read_text() for path in (tmp_path / "look").rglob("*") if path.is_file()
    }
    assert found == {"early": "1\n", "stdout": "said\n", "stderr": ""}
    assert list(home.results.iterdir()) == []
    gate.write_text("go on\n")
    assert waiting.wait(60) == 0
    result = home.results.glob("beam-*/1/outputs/*")
    assert {path.name: path.read_text() for path in result} == {"early": "1\n", "late": "2\n"}


@pytest.mark.usefixtures("daemon")
def test_waiting_for_a_drop_that_is_rejected_ends(run: Run, home: Home, tmp_path: Path) -> None:
    """A job that the daemon refuses after all would be waited for without end."""
    good = spec(tmp_path, "good", "true")
    home.config.write_text("[backends.desk]\nkind = 'local'\n")  # the daemon still has `local` only
    good.write_text(f"backend = 'desk'\n{good.read_text()}")
    answer = run("submit", "--wait", good)
    assert answer.returncode == 1
    assert "REJECTED: " in answer.stderr
    assert "one of the configured backends" in answer.stderr


def test_serve_until_idle_passes_its_exit_code_on(run: Run, home: Home, tmp_path: Path) -> None:
    """Scripts and timers could not tell a good night from a bad one."""
    run("init")
    run("submit", spec(tmp_path, "good", "true"))
    assert run("serve", "--until-idle").returncode == 0
    run("submit", spec(tmp_path, "bad", "false"))
    assert run("serve", "--until-idle").returncode == 1
    with lock.hold(home.lock):
        assert run("serve").returncode == 75
    home.config.write_text("nonsense = 1\n")
    assert run("serve").returncode == 78
    end_processes_in(home.root)


def test_a_request_made_while_the_daemon_was_down_is_carried_out(
    run: Run, home: Home, tmp_path: Path
) -> None:
    """A cancel given before the start would come too late, or be forgotten."""
    run("init")
    job = run("submit", spec(tmp_path, "beam", "true")).stdout.strip()
    assert run("cancel", job).returncode == 0
    run("serve", "--until-idle")
    assert "CANCELLED" in run("status", job).stdout
    assert not list(home.results.glob("beam-*"))
    end_processes_in(home.root)


def test_the_demo_shows_everything_and_leaves_nothing_running(run: Run, tmp_path: Path) -> None:
    """The first thing a new user sees would fail, or claim what is not so."""
    answer = run("demo", "--home", tmp_path / "demo")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    for pattern in (
        r"cp mandelbrot ",
        r"primes .* QUEUED → STAGING ",
        r"second-try .* HARVESTING → WAITING ",
        r"primes +SUCCEEDED +1 +/",
        r"second-try +SUCCEEDED +2 +/",
        r"no-licence +FAILED +1 +/",
        r"@@@@@@@@",
        r"no licence for the solver",
        r"7 runs verified",
    ):
        assert re.search(pattern, answer.stdout), pattern
    assert "not as it should be" not in answer.stdout
    assert processes_in(tmp_path / "demo") == []
    assert run("verify", "--all", "--home", tmp_path / "demo").returncode == 0
    assert run("fsck", "--home", tmp_path / "demo").returncode == 0
    again = run("demo", "--home", tmp_path / "demo")
    assert again.returncode == 2
    assert "choose a new or an empty folder" in again.stderr


def test_an_interrupted_demo_leaves_nothing(start: Start, tmp_path: Path) -> None:
    """Whoever stops the demo would find its daemon and jobs running, and a folder in /tmp."""
    environment = {"TMPDIR": str(tmp_path), "PATH": os.environ["PATH"]}
    root = Path(__file__).parents[2]
    child = start("demo", env=environment | {"PYTHONPATH": str(root)})
    assert child.stdout is not None
    for line in child.stdout:
        if "→ RUNNING" in line:
            break
    (place,) = tmp_path.glob("orchestrator-demo-*")
    child.send_signal(signal.SIGINT)
    _, error = child.communicate(timeout=60)
    assert child.returncode == 130
    assert error == ""
    assert processes_in(place) == []
    assert not place.exists()
