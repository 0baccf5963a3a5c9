"""The emulated cloudHPC as a program: what it prints, and what survives kill -9."""

import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulators.server import Told
from tests.emulators.cloudhpc.asking import Client
from tests.emulators.talking import until

Start = Callable[..., "subprocess.Popen[str]"]
WAITS = "echo x >> count; until [ -e go ]; do sleep 0.01; done; exit 3"


@pytest.fixture
def start(starting: Start) -> Start:
    """Return a way to start the program."""
    return partial(starting, "cloudhpc")


def announced(child: "subprocess.Popen[str]", tmp_path: Path) -> tuple[Told, Client]:
    """Return what the program printed, and somebody who has the key."""
    assert child.stdout is not None
    told = Told(json.loads(child.stdout.readline()), tmp_path / "root", lambda: None)
    return told, Client(told)


def test_state_and_work_survive_a_kill(start: Start, tmp_path: Path) -> None:
    """A restart of the service, as seen from here, would lose runs or run them twice."""
    child = start("--step", "0.02", "--set", "hourly=1000", "--set", "stopping=100000")
    told, me = announced(child, tmp_path)
    tables: dict[str, Any] = tomllib.loads(told.configuration)
    backend = tables["backends"]["cloudhpc"]
    assert (backend["kind"], backend["url"]) == ("cloudhpc", told.url)
    secret = Path(tables["secrets"][backend["api_key"]["secret"]]["file"])
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (me.key, 0o600)
    ended, lives, stops = [me.script(f"run-{it}", WAITS) for it in ("a", "b", "c")]
    disks = [tmp_path / "root" / "work" / str(it) / "files" for it in (ended, lives, stops)]
    until(lambda: all((it / "count").exists() for it in disks))
    me.put(f"/simulation/stop/{stops}", signal="SIGTSTP")
    folder = me.post("/storage/view-by-path", path="run-a")["id"]
    listing = f"/storage/index/id/asc/parent_id/{folder}/1"
    remembered = me.get(listing)
    me.upload("run-a", "later", b"")
    me.ahead(4000)
    me.get("/simulation/view-cpu")
    answer = me.api.get("/simulation/view-cpu")
    assert answer.headers["x-ratelimit-hourly-used"] == "2"  # all others are more than an hour old
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (disks[0] / "go").touch()  # it ends while no emulator is there
    until((disks[0].parent / "status").exists)

    port = told.url.rpartition(":")[2].partition("/")[0]
    again, still = announced(start("--port", port, "--set", "hourly=1000"), tmp_path)
    assert again.facts == told.facts
    answer = me.api.get("/simulation/view-cpu")
    assert answer.headers["x-ratelimit-hourly-used"] == "3"
    assert "exit code 3" in me.ended(ended)["output"]
    assert me.get(listing) == remembered
    assert "later" in me.folder("run-a")
    me.ended(me.script("run-d", "true"))  # by now whatever a restart would start again was started
    assert me.control()["live"] == sorted([str(lives), str(stops)])
    assert me.get(f"/simulation/view-short/{stops}")["status"] == 40
    (disks[1] / "go").touch()
    assert me.ended(lives)["status"] == 10
    me.ahead(100_000)
    assert me.ended(stops)["status"] == 50
    for name in ("run-a", "run-b", "run-c"):
        assert me.files(name)["count"] == b"x\n"
    folders = [it["tags"] for it in me.control()["starts"]]
    assert folders == [["run-a"], ["run-b"], ["run-c"], ["run-d"]]
    still.close()
    me.api.close()
    me.bare.close()


@pytest.mark.parametrize(
    ("wish", "says"),
    [("pages=1", "no setting 'pages'; there is hourly"), ("hourly", "hourly=: expected a number")],
)
def test_wrong_settings_are_said(
    program: list[str], environment: dict[str, str], tmp_path: Path, wish: str, says: str
) -> None:
    """A stand-in would be started with another quota than was asked for."""
    command = [*program, "emulate", "cloudhpc", "--root", str(tmp_path / "r"), "--set", wish]
    answer = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert (answer.returncode, answer.stdout) == (2, "")
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr


def test_faults_and_settings_are_listed(program: list[str], environment: dict[str, str]) -> None:
    """Nobody would know what can be set."""
    command = [*program, "emulate", "cloudhpc", "--faults"]
    listed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    for name in ("drop-after", "spot-restart", "over-quota-403", "hourly", "empty-links"):
        assert f"\n{name} " in listed.stdout
