"""The batch script, run by the shells that nodes have."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.backends.slurm import marks
from orchestrator.backends.slurm.marks import Status
from orchestrator.backends.slurm.script import NO_FOLDER, NOT_AGAIN, batch_script
from orchestrator.backends.supervisor.files import FOLDER
from tests.emulators.talking import until

KEY = "orch-1"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["dash", "bash"])
def start(request: pytest.FixtureRequest, tmp_path: Path) -> Start:
    """Return what starts the script of a run as Slurm does."""
    work = tmp_path / KEY / "work"
    work.mkdir(parents=True)

    def started(command: str, job: int = 7, **more: str) -> "subprocess.Popen[str]":
        text = batch_script(KEY, str(tmp_path / KEY), str(work), ["sh", "-c", command])
        script = tmp_path / f"batch-{job}"  # Slurm gives each start its own copy
        script.write_text(text)
        return subprocess.Popen(
            [request.param, str(script)],
            env={"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": str(job), **more},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    return started


def _marks(tmp_path: Path) -> marks.Marks:

    folder = os.open(tmp_path, FOLDER)
    try:
        return marks.read(folder, KEY)
    finally:
        os.close(folder)


def _ended(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, said = process.communicate(timeout=20)
    return process.returncode, said


@pytest.mark.parametrize("code", [0, 1, 4, 127, 255])
def test_it_notes_how_the_job_ended(start: Start, tmp_path: Path, code: int) -> None:
    """A run would be judged by what Slurm says, which forgets it after minutes."""
    assert _ended(start(f"echo out; echo err >&2; exit {code}"))[0] == code
    found = _marks(tmp_path)
    assert (found.job, found.ended, found.again) == (7, {"": Status(code)}, frozenset())
    assert (tmp_path / KEY / "stdout").read_text() == "out\n"
    assert (tmp_path / KEY / "stderr").read_text() == "err\n"


def test_a_second_start_does_nothing_and_says_so(start: Start, tmp_path: Path) -> None:
    """A run would be computed twice: its node failed, or a lost submit was made again."""
    _ended(start("echo once >> there"))
    for job, count in ((7, "1"), (8, "0")):
        code, said = _ended(start("echo once >> there", job, SLURM_RESTART_COUNT=count))
        assert code == NOT_AGAIN
        assert "nothing is done a second time" in said
    assert (tmp_path / KEY / "work/there").read_text() == "once\n"
    found = _marks(tmp_path)
    assert (found.job, found.again) == (7, frozenset({""}))
    assert found.ended == {"": Status(0)}


def test_of_many_starts_at_once_one_runs(start: Start, tmp_path: Path) -> None:
    """Two jobs of one run that start in the same moment would both compute it."""
    every = [start("echo once >> there", job) for job in range(20, 30)]
    codes = [_ended(one)[0] for one in every]
    assert sorted(codes) == [0, *[NOT_AGAIN] * 9]
    assert (tmp_path / KEY / "work/there").read_text() == "once\n"
    assert _marks(tmp_path).job == 20 + codes.index(0)


def test_a_start_that_was_given_up_never_comes(start: Start, tmp_path: Path) -> None:
    """A job that was declared lost would start hours later."""
    folder = os.open(tmp_path, FOLDER)
    try:
        assert marks.give_up(folder, KEY, [""])
        assert marks.give_up(folder, KEY, [""]), "also the second time"
        assert _ended(start("echo once >> there"))[0] == NOT_AGAIN
        assert not (tmp_path / KEY / "work/there").exists()
        (tmp_path / KEY / "started").rename(tmp_path / "aside")
        assert _ended(start("true"))[0] == 0
        assert not marks.give_up(folder, KEY, [""]), "it has started"
    finally:
        os.close(folder)


def test_a_signal_that_ends_it_is_noted(start: Start, tmp_path: Path) -> None:
    """A run that was stopped would look like one that failed, or ended well, by itself."""
    process = start("trap 'exit 0' TERM; touch ready; while :; do sleep 0.01; done")
    until((tmp_path / KEY / "work/ready").exists)

    os.killpg(process.pid, signal.SIGTERM)
    assert _ended(process)[0] == 0
    assert _marks(tmp_path).ended == {"": Status(0, "TERM")}


def test_tasks_of_an_array_do_not_meet(start: Start, tmp_path: Path) -> None:
    """One task would hide how another ended, or keep it from starting."""
    for job, task in ((7, "1"), (8, "2")):
        told = {"SLURM_ARRAY_TASK_ID": task, "SLURM_ARRAY_JOB_ID": "7"}
        _ended(start("echo $SLURM_ARRAY_TASK_ID; exit $SLURM_ARRAY_TASK_ID", job, **told))
    found = _marks(tmp_path)
    assert (found.started, found.job) == ({"1": 7, "2": 7}, 7)
    assert found.ended == {"1": Status(1), "2": Status(2)}
    assert (tmp_path / KEY / "stdout.2").read_text() == "2\n"


def test_a_node_without_the_folder_says_so(start: Start, tmp_path: Path) -> None:
    """A job would run where nobody finds what it writes."""
    (tmp_path / KEY).rename(tmp_path / "elsewhere")
    code, said = _ended(start("true"))
    assert code == NO_FOLDER
    assert f"does not see {tmp_path / KEY}" in said


def test_arguments_come_as_they_are(tmp_path: Path) -> None:
    """A shell would read what the user wrote as a list, so that none should."""
    (tmp_path / "a 'b'" / "work").mkdir(parents=True)
    words = ["printf", "%s\\n", "a b", "$HOME", "'\"`\n"]
    text = batch_script("k", str(tmp_path / "a 'b'"), str(tmp_path / "a 'b'/work"), words)
    (tmp_path / "batch").write_text(text)
    env = {"PATH": "/usr/bin:/bin", "SLURM_JOB_ID": "1"}
    subprocess.run(["sh", tmp_path / "batch"], env=env, check=True)
    assert (tmp_path / "a 'b'/stdout").read_text() == "a b\n$HOME\n'\"`\n\n"
    assert json.loads((tmp_path / "a 'b'/exit").read_text())["code"] == 0


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_a_path_of_the_jobs_own_is_the_jobs_alone(tmp_path: Path, shell: str) -> None:
    """A job that sets PATH would fail, because its script does not find mkdir."""
    (tmp_path / "work").mkdir()
    command = ["/bin/sh", "-c", "echo $PATH"]
    (tmp_path / "batch").write_text(batch_script("k", str(tmp_path), f"{tmp_path}/work", command))
    env = {"PATH": "/opt/solver", "SLURM_JOB_ID": "1"}
    subprocess.run([f"/bin/{shell}", tmp_path / "batch"], env=env, check=True)
    assert (tmp_path / "stdout").read_text() == "/opt/solver\n"
    assert json.loads((tmp_path / "exit").read_text())["code"] == 0
