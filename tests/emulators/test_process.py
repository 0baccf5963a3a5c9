"""The emulator as a program: the JSON line, an orderly end, and what survives kill -9."""

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.emulators.server import Told
from tests.emulators.talking import Person, until

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(starting: Start) -> Start:
    """Return a way to start the program."""
    return partial(starting, "thecrossproduct")


def announced(child: "subprocess.Popen[str]", tmp_path: Path) -> tuple[Told, Person]:
    """Return what the program printed, and somebody logged in."""
    assert child.stdout is not None
    told = Told(json.loads(child.stdout.readline()), tmp_path / "root", lambda: None)
    return told, Person(told, told.facts["mail"], told.facts["password"])


def test_the_line_fits_a_configuration(start: Start, tmp_path: Path) -> None:
    """People without an account could not configure a backend on it."""
    child = start()
    told, me = announced(child, tmp_path)
    tables: dict[str, Any] = tomllib.loads(told.configuration)
    backend = tables["backends"]["tcp"]
    assert (backend["kind"], backend["url"]) == ("thecrossproduct", told.url)
    assert (backend["mail"], backend["storage_hosts"]) == (me.mail, ["127.0.0.1"])
    secret = Path(tables["secrets"][backend["password"]["secret"]]["file"])
    assert secret.read_text() == me.password
    assert secret.stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "root" / "state.db").stat().st_mode & 0o777 == 0o600  # it holds tokens
    second = start()
    assert second.wait(60) == 2
    assert second.stderr is not None
    assert "another emulator is at work there" in second.stderr.read()
    process = me.script("sleep 600")
    until(lambda: me.control()["live"] == [process])
    me.api.close()
    me.bare.close()
    child.send_signal(signal.SIGINT)
    assert child.wait(60) == 0
    assert _works_below(tmp_path) == []


def _works_below(folder: Path) -> list[str]:
    """Return the processes that work below a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            works_in = (entry / "cwd").readlink() if entry.name.isdigit() else Path("/")
        except OSError:
            continue
        if works_in.is_relative_to(folder):
            found.append(entry.name)
    return found


def test_state_and_work_survive_a_kill(start: Start, tmp_path: Path) -> None:
    """A restart of the service, as seen from here, would lose runs or run them twice."""
    child = start("--step", "0.02")
    told, me = announced(child, tmp_path)
    me.upload("kept", b"bytes")
    begun = me.post("/data/upload/multipart", uri="parts", size=4, part_size=2)
    etags = [me.bare.put(begun["parts"][0], content=b"ab").headers["etag"].strip('"')]
    wait = "echo x >> count; until [ -e go ]; do sleep 0.01; done; echo done > out; exit 3"
    process, longer = me.script(wait, tags=["orch-a"]), me.script(wait, tags=["orch-b"])
    folders = [tmp_path / "root" / "work" / it / "files" for it in (process, longer)]
    until(lambda: all((it / "count").exists() for it in folders))
    me.faults("effect-lag=0.5")
    me.post("/data/copy", src="kept", dest="copied")
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    (folders[0] / "go").touch()  # it ends while no emulator is there
    until((folders[0].parent / "status").exists)

    port = told.url.rpartition(":")[2].removesuffix("/v1")
    again, still = announced(start("--port", port), tmp_path)
    assert again.facts == told.facts
    assert me.get("/auth")["mail"] == me.mail  # the token lives
    record = me.ended(process)
    assert (record["state"], record["errors"]) == ("failed_shell_0", "shell_0 exited with 3")
    me.ended(me.script("true"))  # by now whatever a restart would start again was started
    assert me.control()["live"] == [longer]
    (folders[1] / "go").touch()
    me.ended(longer)
    for id_ in (process, longer):
        assert me.bare.get(me.outputs(id_)[f"{id_}/count"]).content == b"x\n"
    etags.append(me.bare.put(begun["parts"][1], content=b"cd").headers["etag"].strip('"'))
    parts = [{"ETag": etag, "PartNumber": i + 1} for i, etag in enumerate(etags)]
    me.post(
        "/data/upload/multipart/complete", uri="parts", upload_id=begun["upload_id"], parts=parts
    )
    assert (me.download("kept"), me.download("parts")) == (b"bytes", b"abcd")
    until(lambda: "copied" in me.listed()[0])
    assert [it["tags"] for it in me.control()["starts"]] == [["orch-a"], ["orch-b"], []]
    still.close()
    me.api.close()
    me.bare.close()


def test_a_missing_extra_is_said(environment: dict[str, str], tmp_path: Path) -> None:
    """People would get a traceback for what one install mends."""
    code = (
        "import sys; sys.modules['starlette'] = None\n"
        "from orchestrator.cli import run\n"
        f"sys.exit(run(['emulate', 'thecrossproduct', '--root', {str(tmp_path)!r}]))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=False, capture_output=True, text=True
    )
    assert answer.returncode == 2
    assert "pip install 'orchestrator[emulators]'" in answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["emulate", "nothing", "--root", "r"],
            "there is cloudhpc, drmaatic, sostrades, thecrossproduct",
        ),
        (["emulate", "thecrossproduct"], "--root DIR"),
        (["emulate", "thecrossproduct", "--root", "r", "--fault", "no"], "no fault 'no'"),
    ],
)
def test_wrong_use_is_said(
    program: list[str], environment: dict[str, str], tmp_path: Path, arguments: list[str], says: str
) -> None:
    """A stand-in without the fault that was asked for would be started, or a traceback shown."""
    answer = subprocess.run(
        [*program, *arguments],
        env=environment,
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (2, "")
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr


def test_all_faults_are_listed(program: list[str], environment: dict[str, str]) -> None:
    """Nobody would know what can be switched on."""
    command = [*program, "emulate", "thecrossproduct", "--faults"]
    listed = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    for name in ("error-before", "expired-urls", "hostile-names", "late-outputs"):
        assert name in listed.stdout
