"""The emulated DRMAAtic as a program: what it prints, and what survives kill -9."""

import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from orchestrator.emulators.server import Told
from tests.emulators.drmaatic.asking import DONE, FAILED, Client
from tests.emulators.talking import until

Start = Callable[..., "subprocess.Popen[str]"]
WAITS = "echo x >> count; until [ -e go ]; do sleep 0.01; done; exit 3"


@pytest.fixture
def start(starting: Start) -> Start:
    """Return a way to start the program."""
    return partial(starting, "drmaatic")


def announced(child: "subprocess.Popen[str]", tmp_path: Path) -> tuple[Told, Client]:
    """Return what the program printed, and everybody who calls."""
    assert child.stdout is not None
    told = Told(json.loads(child.stdout.readline()), tmp_path / "root", lambda: None)
    return told, Client(told)


def test_state_and_work_survive_a_kill(start: Start, tmp_path: Path) -> None:
    """A restart of the service, as seen from here, would lose runs or run them twice."""
    child = start("--step", "0.01", "--set", "credit=100")
    told, me = announced(child, tmp_path)
    table = tomllib.loads(told.configuration)
    assert table["backends"]["drmaatic"]["url"] == told.url
    assert Path(table["secrets"]["drmaatic"]["file"]).read_text() == told.facts["token"]
    ends, lives = me.shell(WAITS), me.shell(WAITS)
    held = me.shell(WAITS, ("dependencies", lives), ("dependency_type", "afternotok"))
    until(lambda: len(me.control()["live"]) == 2)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    folders = [tmp_path / "root" / "runs" / it for it in (ends, lives, held)]
    (folders[0] / "go").touch()  # it ends while no emulator is there
    until((tmp_path / "root" / "work" / ends / "status").exists)

    port = told.url.rpartition(":")[2]
    again, still = announced(start("--port", port, "--set", "credit=100"), tmp_path)
    assert again.facts == told.facts
    assert me.get("/cpu-credit/") == {"available_cpu_credit": 97}
    assert me.ended(ends) == FAILED
    assert (me.states(lives), me.states(held)) == (["RUNNING"], ["PENDING"])
    assert me.ended(me.shell("true")) == DONE
    (folders[1] / "go").touch()
    assert me.ended(lives) == FAILED
    until(lambda: me.states(held) == ["RUNNING"])
    (folders[2] / "go").touch()
    assert me.ended(held) == FAILED
    assert [(folder / "count").read_text() for folder in folders] == ["x\n"] * 3
    still.close()
    me.api.close()


def test_a_wrong_dialect_is_said(
    program: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    """A stand-in would be started that speaks another dialect than was asked for."""
    root = str(tmp_path / "r")
    command = [*program, "emulate", "drmaatic", "--root", root, "--set", "dialect=2024"]
    answer = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert "dialect=2024: expected 2023 or 2025" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_faults_and_settings_are_listed(program: list[str], environment: dict[str, str]) -> None:
    """Nobody would know what can be set."""
    command = [*program, "emulate", "drmaatic", "--faults"]
    listed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    for name in ("drop-after", "controller-down", "page-shift", "dialect", "min-job-age"):
        assert f"\n{name} " in listed.stdout
