"""The emulated SoSTrades as a program: what it prints, and what survives kill -9."""

import json
import os
import signal
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

from orchestrator.emulators.server import Told
from tests.emulators.sostrades.asking import Client
from tests.emulators.talking import until

Start = Callable[..., "subprocess.Popen[str]"]


def announced(child: "subprocess.Popen[str]", tmp_path: Path) -> tuple[Told, Client]:
    """Return what the program printed, and everybody who calls."""
    assert child.stdout is not None
    told = Told(json.loads(child.stdout.readline()), tmp_path / "root", lambda: None)
    return told, Client(told)


def test_state_and_work_survive_a_kill(starting: Start, tmp_path: Path) -> None:
    """A restart of the service, as seen from here, would lose runs or run them twice."""
    more = ("--step", "0.01", "--set", "repaired=1", "--set", "studies=4")
    child = starting("sostrades", *more)
    told, me = announced(child, tmp_path)
    table = tomllib.loads(told.configuration)
    assert table["backends"]["sostrades"]["url"] == told.url
    assert Path(table["secrets"]["sostrades"]["file"]).read_text() == told.facts["key"]
    rights = [me.ask("GET", f"/api/v0/calculation/status/{it}", "bob") for it in range(1, 5)]
    assert [it.status_code for it in rights] == [200, 200, 200, 403]
    ends, lives = me.add(), me.add()
    assert (ends, lives) == (5, 6)
    for study in (ends, lives):
        me.act(study, "edit", {"Slow.sleep_s": 1000.0})
        me.execute(study)
        me.runs(study)
    me.faults("slow-update=1000")
    me.write(1, factor=9.0)  # it is lost with the server
    until(lambda: len(me.control()["live"]) == 2)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    work = tmp_path / "root" / "work"
    (work / str(1) / "files" / "wake").touch()  # it ends while no emulator is there
    until((work / "1" / "status").exists)

    port = told.url.rpartition(":")[2]
    again, still = announced(starting("sostrades", *more, "--port", port), tmp_path)
    assert again.facts == told.facts
    assert still.over(ends) == "FINISHED"
    assert (still.status(lives), still.number(lives)) == ("RUNNING", 2)
    assert still.read(ends, "Slow.result") == "value\n30.0\n"
    assert still.read(1, "Slow.factor") == "value\n2.0\n"
    still.act(lives, "wake")
    assert still.over(lives) == "FINISHED"
    assert [it["run"] for it in still.control()["starts"]] == ["5/1", "6/2"]
    for study in (ends, lives):
        assert still.log(study).count("slow disc start") == 1
        assert still.log(study).count("slow disc end") == 1
    still.close()
    me.api.close()


def test_a_process_that_dies_leaves_its_last_status(me: Client, slow: int) -> None:
    """A run of which nothing is left would be told to have ended."""
    me.act(slow, "edit", {"Slow.sleep_s": 1000.0})
    me.execute(slow)
    me.runs(slow)
    until(lambda: "slow disc start" in me.log(slow))
    worker = me.log(slow).partition("[worker: ")[2].partition("]")[0]
    os.kill(int(worker), signal.SIGKILL)
    assert me.over(slow) == "RUNNING"
