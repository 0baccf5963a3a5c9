"""The promise itself: the real daemon is killed a hundred times under load; nothing shows it."""

import random
import sqlite3
import subprocess
from pathlib import Path

import pytest

JOBS = 120
KILLS = 100
LONGEST_LIFE = 0.35  # seconds; long enough for a start now and then, short enough to hit all of it

# Each run leaves one line, in one file outside of its directory: two lines would be two runs.
SPEC = """
[run]
script = '''
echo "$ORCHESTRATOR_JOB_NAME $ORCHESTRATOR_RUN" >> {ledger}
sleep 0.0{digit}
echo {n} > answer.txt
'''
"""


def _serve(command: list[str], environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen(command, env=environment, stdout=file, stderr=file)


@pytest.mark.timeout(280)
def test_a_hundred_kills_lose_nothing_and_run_nothing_twice(
    tmp_path: Path, program: list[str], environment: dict[str, str]
) -> None:
    """A crash of the daemon would cost somebody a job, or make him pay for one twice."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    rng = random.Random(seed)
    home, ledger, log = tmp_path / "home", tmp_path / "ledger", tmp_path / "serve.log"
    ledger.touch()
    run = [*program, "--home", str(home)]
    subprocess.run([*run, "init"], env=environment, check=True, capture_output=True)
    waiting = [f"job-{n:03}" for n in range(JOBS)]
    kills = 0
    while kills < KILLS:
        for name in waiting[:3]:
            n = int(name[-3:])
            text = SPEC.format(ledger=ledger, digit=n % 10, n=n)
            (home / "spool" / f"{name}.toml").write_text(text)
        del waiting[:3]
        daemon = _serve([*run, "serve"], environment, log)
        try:
            daemon.wait(rng.uniform(0.05, LONGEST_LIFE) + 0.25 * (kills % 4 == 0))
        except subprocess.TimeoutExpired:
            daemon.kill()
            kills += 1
        assert daemon.wait() == -9, log.read_text()
    last = _serve([*run, "serve", "--until-idle"], environment, log)
    assert last.wait(150) == 0, log.read_text()[-4000:]

    lines = ledger.read_text().split("\n")[:-1]
    assert sorted(lines) == [f"job-{n:03} 1" for n in range(JOBS)]  # 0 lost, 0 run twice
    for n in range(JOBS):
        (folder,) = home.glob(f"results/job-{n:03}-*")
        assert [entry.name for entry in sorted(folder.iterdir())] == ["1", "latest"]
        assert (folder / "latest/outputs/answer.txt").read_text() == f"{n}\n"
    for check in (["verify", "--all"], ["fsck"]):
        done = subprocess.run([*run, *check], env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (check, done.stdout, done.stderr)
    _history_is_whole(home)


def _history_is_whole(home: Path) -> None:
    """Every entry follows on the one before, and status.log has each of them once."""
    with sqlite3.connect(home / "state/queue.db") as conn:
        rows = conn.execute("SELECT job, source, target, seq FROM history ORDER BY seq").fetchall()
    shown: dict[str, str | None] = {}
    for job, source, target, _ in rows:
        assert source == shown.get(job)
        shown[job] = target
    assert set(shown.values()) == {"SUCCEEDED"}
    assert len(shown) == JOBS
    status = (home / "log/status.log").read_text("utf-8").splitlines()
    assert [int(line.rpartition("#")[2]) for line in status] == [seq for *_, seq in rows]
