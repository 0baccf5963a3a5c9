"""The promise itself: the real daemon is killed a hundred times under load; nothing shows it."""

import random
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.warm import Child, Warm

JOBS = 120
KILLS = 100
MOST_STEPS = 8  # of all jobs together, in one life; with none, it is killed in its start
LONGEST = 60.0  # seconds for a step

# Each run leaves one line, in one file outside of its directory: two lines would be two runs.
SPEC = """
[run]
script = '''
echo "$ORCHESTRATOR_JOB_NAME $ORCHESTRATOR_RUN" >> {ledger}
sleep 0.0{digit}
echo {n} > answer.txt
'''
"""


@pytest.mark.timeout(600)
def test_a_hundred_kills_lose_nothing_and_run_nothing_twice(
    tmp_path: Path, warm: Warm, environment: dict[str, str]
) -> None:
    """A crash of the daemon would cost somebody a job, or make him pay for one twice."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    rng = random.Random(seed)
    home, ledger, log = tmp_path / "home", tmp_path / "ledger", tmp_path / "serve.log"
    ledger.touch()
    environment |= {"ORCHESTRATOR_HOME": str(home)}

    def serve(*options: str) -> Child:
        with log.open("ab") as file:
            return warm.start(["serve", *options], environment, file.fileno(), file.fileno())

    assert warm.run(["init"], environment).returncode == 0
    config = home / "orchestrator.toml"
    config.write_text(config.read_text().replace('settle = "2s"', 'settle = "10ms"'))
    waiting = [f"job-{n:03}" for n in range(JOBS)]
    kills = 0
    while kills < KILLS:
        given = waiting[: 2 if kills < JOBS - KILLS else 1]  # so that each life has something new
        for name in given:
            n = int(name[-3:])
            text = SPEC.format(ledger=ledger, digit=n % 10, n=n)
            (home / "spool" / f"{name}.toml").write_text(text)
        del waiting[: len(given)]
        daemon = serve()
        _wait_for(home / "log/status.log", rng.randrange(MOST_STEPS), JOBS - len(waiting))
        with suppress(subprocess.TimeoutExpired):
            daemon.wait(rng.uniform(0, 0.05))
        daemon.kill()
        kills += 1
        assert daemon.wait() == -9, log.read_text()
    last = serve("--until-idle")
    assert last.wait(150) == 0, log.read_text()[-4000:]

    lines = ledger.read_text().split("\n")[:-1]
    assert sorted(lines) == [f"job-{n:03} 1" for n in range(JOBS)]  # 0 lost, 0 run twice
    for n in range(JOBS):
        (folder,) = home.glob(f"results/job-{n:03}-*")
        assert [entry.name for entry in sorted(folder.iterdir())] == ["1", "latest"]
        assert (folder / "latest/outputs/answer.txt").read_text() == f"{n}\n"
    for check in (["verify", "--all"], ["fsck"]):
        done = warm.run(check, environment)
        assert done.returncode == 0, (check, done.stdout, done.stderr)
    _history_is_whole(home)


def _wait_for(status: Path, steps: int, jobs: int) -> None:
    """Wait until so many more steps were told, or all jobs that were given so far have ended."""
    log = status.read_bytes() if status.exists() else b""
    wanted, until = log.count(b"\n") + steps, time.monotonic() + LONGEST
    while log.count(b"\n") < wanted and log.count(b" SUCCEEDED ") < jobs:
        assert time.monotonic() < until, "a daemon that lives does nothing"
        time.sleep(0.001)
        log = status.read_bytes() if status.exists() else b""


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
