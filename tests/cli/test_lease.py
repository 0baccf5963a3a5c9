"""Two real jobs that need one licence, on two backends, beside a daemon that is killed."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.leftovers import end_processes_in
from orchestrator.config.home import Home
from tests.cli.bench import Run, Start
from tests.probe import install

CONFIG = "[backends.one]\nkind = 'leased'\n[backends.two]\nkind = 'leased'\n"
ALONE = "mkdir {busy} || exit 9"  # fails where another is at work


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of programs that know one more kind of backend."""
    install(tmp_path / "site", "leased")
    path = f"{tmp_path / 'site'}{os.pathsep}{environment['PYTHONPATH']}"
    return environment | {"PYTHONPATH": path}


def job(folder: Path, name: str, backend: str, script: str, licence: str = "") -> Path:
    """Write a job file that runs a script, with a licence or without one."""
    env = f"env = {{ LICENCE = '{licence}' }}\n" if licence else ""
    path = folder / f"{name}.toml"
    path.write_text(f"backend = '{backend}'\n[run]\n{env}script = '''\n#!/bin/sh\n{script}\n'''\n")
    return path


def serve(start: Start, *more: str) -> subprocess.Popen[str]:
    """Start a daemon; return when it is at work."""
    daemon = start("serve", *more, stdout=subprocess.DEVNULL)
    assert daemon.stderr is not None
    assert any("ready" in line for line in daemon.stderr)
    return daemon


def wait_for(start: Start, name: str, words: str) -> None:
    """Wait until this is said of a job."""
    follow = start("tail", "-f", "-n", "100", "--job", name)
    assert follow.stdout is not None
    assert any(words in line for line in follow.stdout)


def test_one_runs_after_the_other_whatever_becomes_of_the_daemon(
    run: Run, start: Start, home: Home, tmp_path: Path
) -> None:
    """Two programs would work with one licence at once, or nobody could tell what a job waits for.

    A job without a licence that was taken later, and has ended, shows that the second could have
    started by then.
    """
    gate, busy = tmp_path / "gate", tmp_path / "busy"
    os.mkfifo(gate)
    home.config.write_text(CONFIG)
    alone = ALONE.format(busy=busy)
    first = job(tmp_path, "first", "one", f"{alone}; read line < {gate}; rmdir {busy}", "solver")
    second = job(tmp_path, "second", "two", f"{alone}; rmdir {busy}", "solver")
    quick = job(tmp_path, "quick", "two", "true")
    anew: dict[str, Any] = {
        "environment": {}
    }  # the kinds of a process that is there already are known to it
    try:
        daemon = serve(start)
        first_id = run("submit", first, **anew).stdout.strip()
        wait_for(start, "first", "→ RUNNING")
        assert run("submit", second, **anew).returncode == 0
        waits = f"the licence of solver, which first ({first_id}) has"
        wait_for(start, "second", f"waits for {waits}")
        for killed in (False, True):
            if killed:
                daemon.kill()
                daemon.wait()
                daemon = serve(start, "--until-idle")
            assert run("submit", "--wait", quick, **anew).returncode == 0
            told = run("explain", "second", **anew).stdout
            assert waits in told
            assert "it starts in its turn" in told
            (shown,) = [
                line for line in json.loads(run("status", "--json").stdout)["jobs"]
                if line["name"] == "second"
            ]  # fmt: skip
            assert (shown["shown"], shown["reason"]) == ("WAITING", f"waits for {waits}")
        gate.write_text("go on\n")
        assert daemon.wait(60) == 0
        log = (home.log / "status.log").read_text().splitlines()
        (let_go,) = (n for n, line in enumerate(log) if " first " in line and "SUCCEEDED" in line)
        taken = "a slot is free; it has the licence of solver to itself"
        begun = [n for n, line in enumerate(log) if taken in line]
        assert [" second " in log[n] for n in begun] == [False, True]
        assert let_go < begun[1]
        assert run("fsck").stdout.endswith("no findings\n")
    finally:
        end_processes_in(home.root)
