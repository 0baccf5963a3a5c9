"""Jobs that go through the daemon to a cluster and back, while both are ended on the way."""

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

from tests.hardship.service import Service
from tests.slurm.cluster import Cluster
from tests.slurm.ground.telling import configuration
from tests.slurm.ground.waiting import until

ROOT = Path(__file__).parents[2]
LONGEST = 900.0  # seconds for all jobs, or any part of them
DONE = "COMPLETED|0:0"
NOT_AGAIN = "FAILED|73:0"  # in accounting: a second job of a run, which found it begun
SOON = 'absence_after = "3 s"\n'  # a submit that comes later yet is one of those second jobs
JOB = """\
backend = "cluster"
[run]
script = '''
#!/bin/sh
echo "$SLURM_JOB_ID" >> {mark}
echo $(({number} * {number})) > square.txt
'''
[outputs]
include = ["square.txt"]
"""


class Passage:
    """So many jobs, each with a file of its own in `marks`: a line for each time that it ran."""

    def __init__(self, cluster: Cluster, folder: Path, jobs: int, way: str) -> None:
        self.cluster, self.jobs = cluster, jobs
        self.marks = folder / "marks"
        self.marks.mkdir()
        (folder / "beside").mkdir()
        program = [sys.executable, "-m", "orchestrator"]
        environment = cluster.environment | {
            "PATH": f"{Path(sys.executable).parent}:{cluster.environment['PATH']}",
            "HOME": str(folder),
            "PYTHONPATH": str(ROOT),
        }
        self.daemon = Service(folder / "home", folder / "beside", program, environment)
        tables = configuration(cluster.layout, "cluster", way)
        self.daemon.init(config=tables.replace('"slurm"\n', f'"slurm"\n{SOON}', 1))
        for number in range(jobs):
            text = JOB.format(number=number, mark=self.marks / str(number))
            (self.daemon.home / f"spool/square-{number}.toml").write_text(text)

    def go(self, rng: Random, kills: int, restarts: int) -> float:
        """Pass all of them through; return how many seconds that took.

        The daemon is killed, or the controller restarted, each time that so many jobs have begun.
        """
        events = ["kill"] * kills + ["restart"] * restarts
        rng.shuffle(events)
        points = sorted(rng.sample(range(self.jobs), len(events)))
        began = time.monotonic()
        last = self.daemon.start("--until-idle")
        for point, event in zip(points, events, strict=True):
            self.daemon.until(partial(self._has_begun, point), f"{point} jobs begun", LONGEST)
            if event == "kill":
                self.daemon.kill()
                last = self.daemon.start("--until-idle")
            else:
                self.cluster.stop("slurmctld")
                self.cluster.start("slurmctld")
        last.wait(LONGEST)
        return time.monotonic() - began

    def close(self) -> None:
        """End the daemon, whatever it does."""
        self.daemon.end_processes()

    def wrong(self) -> Iterator[str]:
        """Say what is not as it must be, by what the jobs left and what was published."""
        for number in range(self.jobs):
            mark = self.marks / str(number)
            if (times := len(mark.read_text().split()) if mark.exists() else 0) != 1:
                yield f"square-{number} ran {times} times"
        states = {
            name: rest for name, *rest in self.daemon.rows("SELECT name, state, reason FROM job")
        }
        for number in range(self.jobs):
            name = f"square-{number}"
            if (state := states.get(name, ["lost"]))[0] != "succeeded":
                yield f"{name}: {' '.join(state)}"
            found = [*self.daemon.home.glob(f"results/{name}-*/1/outputs/square.txt")]
            if [it.read_text() for it in found] != [f"{number**2}\n"]:
                yield f"{name} has not the one right result, but {found}"

    def faults(self) -> Iterator[str]:
        """Say what the program's own checks find."""
        for check in (["verify", "--all"], ["fsck"]):
            done = self.daemon.ask(*check)
            if done.returncode != 0:
                yield f"{' '.join(check)}: {done.stdout}{done.stderr}"

    def accounted(self) -> tuple[list[str], int]:
        """Return what accounting has that must not be, and how many second jobs did nothing."""
        keys = {key for (key,) in self.daemon.rows("SELECT key FROM run")}
        bad = [] if len(keys) == self.jobs else [f"{len(keys)} runs of {self.jobs} jobs"]
        with suppress(TimeoutError):  # what it lacks is told below
            until(lambda: self._known(keys) <= {number for number, _, _ in self._ends(keys)})
        ends = self._ends(keys)
        for key in keys:
            found = [end for _, name, end in ends if name == key]
            if found.count(DONE) != 1 or {*found} - {DONE, NOT_AGAIN}:
                bad.append(f"accounting has of run {key}: {found}")
        return bad, sum(end == NOT_AGAIN for _, _, end in ends)

    def _known(self, keys: set[str]) -> set[str]:
        """Return the numbers of our jobs that the controller knows: accounting comes later."""
        told = self.cluster.run("squeue", "--noheader", "--states=all", "--format=%A|%j")
        rows = (line.split("|") for line in told.splitlines())
        return {number for number, name in rows if name in keys}

    def _ends(self, keys: set[str]) -> list[tuple[str, str, str]]:
        """Return number, name and end of our jobs that have ended, as accounting has them."""
        fields = "--format=jobid,jobname,end,state,exitcode"
        told = self.cluster.run("sacct", "-XPn", "--starttime=now-1day", fields)
        rows = (line.split("|", 3) for line in told.splitlines())
        return [
            (number, name, end)
            for number, name, ended, end in rows
            if name in keys and ended != "Unknown"
        ]

    def _has_begun(self, jobs: int) -> bool:
        return sum(1 for _ in self.marks.iterdir()) >= jobs


def by_sbatch(cluster: Cluster, folder: Path, jobs: int) -> tuple[float, float]:
    """Submit the same jobs by sbatch in a loop; return seconds until submitted, and until ended."""
    began = time.monotonic()
    for number in range(jobs):
        mark, result = folder / f"mark-{number}", folder / f"square-{number}"
        work = f"echo $SLURM_JOB_ID >> {mark}; echo $(({number} * {number})) > {result}"
        cluster.run("sbatch", "--job-name=plain", "--output=/dev/null", "--wrap", work)
    submitted = time.monotonic() - began
    until(lambda: not cluster.run("squeue", "--noheader", "--name=plain"), "their end", LONGEST)
    return submitted, time.monotonic() - began
