"""Two real jobs that need one licence, on two backends, beside a daemon that is killed."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from orchestrator.cli.leftovers import end_processes_in
from orchestrator.config.home import Home
from tests.cli.bench import Run, Start
from tests.probe import install

CONFIG = "[backends.one]\nkind = 'leased'\n[backends.two]\nkind = 'leased'\n"


@pytest.fixture
def environment(environment: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """Return the environment of programs that know one more kind of backend."""
    install(tmp_path / "site", "leased")
    path = f"{tmp_path / 'site'}{os.pathsep}{environment['PYTHONPATH']}"
    return environment | {"PYTHONPATH": path}


def drop(home: Home, name: str, backend: str, script: str, licence: str = "") -> None:
    """Drop a job that runs a script, with a licence or without one."""
    env = f"env = {{ LICENCE = '{licence}' }}\n" if licence else ""
    hidden = home.spool / f".{name}"
    hidden.write_text(f"backend = '{backend}'\n[run]\n{env}script = '''\n#!/bin/sh\n{script}\n'''")
    hidden.rename(home.spool / f"{name}.toml")


def serve(start: Start, *more: str) -> subprocess.Popen[str]:
    """Start a daemon; return when it is at work."""
    daemon = start("serve", *more, stdout=subprocess.DEVNULL)
    assert daemon.stderr is not None
    assert any("ready" in line for line in daemon.stderr)
    return daemon


def told(follow: subprocess.Popen[str], job: str, words: str) -> str:
    """Wait for a line about a job that says this; return it."""
    assert follow.stdout is not None
    return next(line for line in follow.stdout if f" {job} " in line and words in line)


def line_of(run: Run, job: str) -> tuple[str, str]:
    """Return how a job is shown in the list of jobs, and why."""
    listed = json.loads(run("status", "--json").stdout)["jobs"]
    (found,) = [(line["shown"], line["reason"]) for line in listed if line["name"] == job]
    return found


def test_one_runs_after_the_other_whatever_becomes_of_the_daemon(
    run: Run, start: Start, home: Home, tmp_path: Path
) -> None:
    """Two programs would work with one licence at once, or nobody could tell what a job waits for.

    A job without a licence that was taken later, and has ended, shows that the second could have
    started by then. It would fail, since the first works in the folder that both want to make.
    """
    gate, busy = tmp_path / "gate", tmp_path / "busy"
    os.mkfifo(gate)
    home.config.write_text(CONFIG)
    try:
        daemon = serve(start)
        follow = start("tail", "-f", "-n", "100")
        script = f"mkdir {busy} || exit 9; read line < {gate}; rmdir {busy}"
        drop(home, "first", "one", script, "solver")
        told(follow, "first", "→ RUNNING")
        drop(home, "second", "two", f"mkdir {busy} || exit 9; rmdir {busy}", "solver")
        said = told(follow, "second", "waits for the licence of solver, which first (")
        waits = said[said.index("the licence") : said.index(" has") + 4]
        for quick in ("quick", "quick-again"):
            drop(home, quick, "two", "true")
            told(follow, quick, "→ SUCCEEDED")
            assert line_of(run, "second") == ("WAITING", f"waits for {waits}")
            if quick == "quick":
                daemon.kill()
                daemon.wait()
                daemon = serve(start, "--until-idle")
        explained = run("explain", "second", environment={}).stdout  # it must know the kind
        assert waits in explained
        assert "it starts in its turn" in explained
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
