"""A service on a bad day: the daemon is killed often, its stand-in once, and faults strike.

The daemon is killed when status.log has told of so many steps, not after a time.
"""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.log.status import last_number
from tests.hardship.service import Service
from tests.system.cloud import Cloud

LONGEST = 600.0  # seconds for the last life of the daemon
STEPS = range(8, 60)  # of some 90 in all: after so many, a daemon may be killed

Jobs = Mapping[str, Mapping[str, str]]
"""Folders that are dropped, each with its files and their texts."""


class BadDay:
    """The daemon and the service. `words` are options of the stand-in whenever it starts."""

    def __init__(
        self,
        kind: str,
        words: Sequence[str],
        tmp_path: Path,
        program: list[str],
        environment: dict[str, str],
    ) -> None:
        self.cloud = Cloud(kind, program, environment, tmp_path / "service")
        self._words, self._jobs = tuple(words), tmp_path / "jobs"
        for folder in (self._jobs, tmp_path / "beside"):
            folder.mkdir()
        self.daemon = Service(tmp_path / "home", tmp_path / "beside", program, environment)

    def begin(self) -> str:
        """Start the stand-in; return the configuration that leads to it."""
        self.cloud.start(*self._words)
        return str(self.cloud.facts["configuration"])

    def end(self) -> None:
        """Leave nothing running."""
        self.daemon.end_processes()
        self.cloud.stop()

    def kill_often(
        self, jobs: Jobs, faults: Sequence[str], always: Sequence[str], kills: int
    ) -> None:
        """Serve these jobs, killed so often; some faults strike once, others at any time."""
        seed = random.SystemRandom().randrange(2**32)
        print(f"seed {seed}")  # noqa: T201 - shown when the test fails
        for name, files in jobs.items():
            (self._jobs / name).mkdir()
            for file, text in files.items():
                (self._jobs / name / file).write_text(text)
        done = self.daemon.ask("submit", *(self._jobs / name for name in jobs))
        assert done.returncode == 0, done.stderr
        self.cloud.put(*self.cloud.left(faults), *always)
        moments = sorted(random.Random(seed).sample(STEPS, kills))
        for moment in moments:
            self._kill_after(moment)
            if moment == moments[kills // 2]:
                self.cloud.kill()
                self.cloud.start(*self._words)
                self.cloud.put(*self.cloud.left(faults), *always)

    def last_life(self) -> int:
        """Serve until nothing can move any more; return the exit code."""
        return self.daemon.start("--until-idle").wait(LONGEST)

    def tell(self, jobs: int, kills: int) -> None:
        """Print what the day was."""
        print(  # noqa: T201 - a figure
            f"{jobs} jobs, {kills} kills, {self.cloud.fired().total()} faults,"
            f" {self.cloud.calls().total() / jobs:.1f} calls a job"
        )

    def _steps(self) -> int:
        return last_number(self.daemon.home / "log/status.log")

    def _kill_after(self, steps: int) -> None:
        """Serve until so many steps were told; then kill the daemon."""
        if self._steps() < steps:
            self.daemon.start()
            self.daemon.until(lambda: self._steps() >= steps, f"step {steps}")
            self.daemon.kill()
