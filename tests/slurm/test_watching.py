"""Following runs, on a cluster of three lines that does as a test says."""

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from orchestrator.backend import Alive, Finished, Lost, NoAnswer, Run, TransientError
from orchestrator.backends.http import Use
from orchestrator.backends.slurm.folders import Folders
from orchestrator.backends.slurm.script import NOT_AGAIN, STARTED
from orchestrator.backends.slurm.values import Job, Order, Partition
from orchestrator.backends.slurm.watching import FRESH, SHOWS_WITHIN, Watch
from orchestrator.core.spec import Outputs
from tests.emulated import Clock

LOST_AFTER = 300.0


@dataclass
class Small:
    """A cluster: what its controller and its accounting know, and what was asked of them."""

    now: list[Job] = field(default_factory=list)
    then: list[Job] | None = field(default_factory=list)
    down: bool = False
    asked: list[object] = field(default_factory=list)

    async def jobs(self, _: Use) -> Sequence[Job]:
        """Tell what the controller knows."""
        self.asked.append("jobs")
        if self.down:
            raise TransientError("the controller is down", effect="none")
        return self.now

    async def past(
        self, _: Use, *, ids: Collection[int] = (), name: str = ""
    ) -> Sequence[Job] | None:
        """Tell what accounting knows."""
        self.asked.append(sorted(ids) or name)
        return self.then

    async def submit(self, order: Order) -> int:
        """Take no job."""
        raise NotImplementedError

    async def cancel(self, job: int) -> None:
        """End no job."""
        raise NotImplementedError

    async def partitions(self, _: Use) -> Sequence[Partition]:
        """Offer nothing."""
        return []

    async def version(self, _: Use) -> str:
        """Tell none."""
        return ""


@dataclass
class Scene:
    """A cluster, a folder of runs, a clock, and what follows runs by them."""

    small: Small
    directory: Path
    clock: Clock
    watch: Watch

    def run(self, number: int = 7, *, folder: bool = True) -> Run:
        """Return a run that was submitted, with its folder."""
        key = f"orch-{number}"
        if folder:
            (self.directory / key / "work").mkdir(parents=True)
        return Run(key, "0", "job", 1, {"command": ["true"]}, Outputs(), remote_id=str(number))

    def job(self, number: int, state: str) -> Job:
        """Return a row of the run of that number."""
        return Job(number, f"orch-{number}", (state,), comment=f"orch-{number} job")

    def begins(self, number: int, by: int) -> None:
        """Mark that a job began a run."""
        mark = self.directory / f"orch-{number}" / STARTED
        mark.mkdir()
        (mark / "job").write_text(f'{{"job": {by}}}')


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """Return an empty cluster."""
    clock, small = Clock(), Small()
    return Scene(small, tmp_path, clock, Watch(small, Folders(str(tmp_path)), LOST_AFTER, clock))


async def test_a_thousand_runs_cost_one_question(scene: Scene) -> None:
    """Each poll would be a thousand processes, and the controller would suffer."""
    runs = [scene.run(number, folder=False) for number in range(1, 1001)]
    scene.small.now = [scene.job(number, "RUNNING") for number in range(1, 1001)]
    answers = await scene.watch.poll(runs)
    assert set(answers.values()) == {Alive("RUNNING")}
    assert len(answers) == 1000
    await scene.watch.poll(runs)
    assert scene.small.asked == ["jobs"], "nor again at once"
    scene.clock.now += FRESH
    scene.small.now = [scene.job(number, "COMPLETED") for number in range(1, 501)]
    await scene.watch.poll(runs)
    assert scene.small.asked == ["jobs", "jobs", list(range(501, 1001))], "of all that it lacks"


async def test_what_the_last_list_lacks_is_asked_for_at_once(scene: Scene) -> None:
    """A run that was just submitted would be looked for in a list from before."""
    first, second = scene.run(1), scene.run(2)
    scene.small.now = [scene.job(1, "RUNNING")]
    await scene.watch.poll([first])
    scene.small.now = [scene.job(1, "RUNNING"), scene.job(2, "PENDING")]
    assert (await scene.watch.poll([second]))[second.key] == Alive("PENDING")


async def test_a_run_that_slurm_lost_before_its_start_ends_and_never_starts(scene: Scene) -> None:
    """It would be waited for, ever; or start hours after it was said to be lost."""
    run = scene.run()
    for _ in range(2):
        assert isinstance((await scene.watch.poll([run]))[run.key], NoAnswer)
        scene.clock.now += LOST_AFTER - 1
        scene.small.down = True
        assert isinstance((await scene.watch.poll([run]))[run.key], NoAnswer)
        scene.small.down = False
        scene.clock.now += LOST_AFTER  # an outage is no proof: it begins anew
    for wait in (LOST_AFTER - 1, 2):
        assert isinstance((await scene.watch.poll([run]))[run.key], NoAnswer)
        scene.clock.now += wait
    for _ in range(2):  # also when the first answer was not kept
        end = (await scene.watch.poll([run]))[run.key]
        assert isinstance(end, Finished)
        assert not end.ok
        assert end.reason.startswith("Slurm lost it")
    assert (scene.directory / run.key / STARTED / "job").exists(), "no job can put its own there"


async def test_a_run_that_slurm_lost_after_its_start_is_for_a_person(scene: Scene) -> None:
    """What it has done nobody knows: it would be done again, or called a failure."""
    run = scene.run()
    scene.begins(7, by=7)
    scene.small.then = None
    await scene.watch.poll([run])
    scene.clock.now += LOST_AFTER
    assert isinstance((await scene.watch.poll([run]))[run.key], Lost)


async def test_the_job_that_began_a_run_is_the_run(scene: Scene) -> None:
    """A lost submit that came late would be followed by the job that did nothing."""
    run = scene.run()
    scene.begins(7, by=5)
    idle = replace(scene.job(7, "FAILED"), code=NOT_AGAIN)
    works = replace(scene.job(7, "RUNNING"), run=5)
    scene.small.now = [idle, works]
    assert (await scene.watch.poll([run]))[run.key] == Alive("RUNNING")
    scene.small.now = [idle, replace(works, states=("COMPLETED",))]
    scene.clock.now += SHOWS_WITHIN
    await scene.watch.poll([run])
    scene.clock.now += SHOWS_WITHIN
    end = (await scene.watch.poll([run]))[run.key]
    assert isinstance(end, Finished)
    assert end.ok


async def test_a_job_of_another_name_is_not_ours(scene: Scene) -> None:
    """Slurm gives numbers anew after a fresh start: a stranger's end would be taken for ours."""
    run = scene.run()
    scene.small.now = [replace(scene.job(7, "COMPLETED"), name="stranger")]
    assert isinstance((await scene.watch.poll([run]))[run.key], NoAnswer)


async def test_a_job_whose_comment_was_changed_is_still_the_run(scene: Scene) -> None:
    """A run would be called lost while it lives: sites, and people, write comments of their own."""
    run = scene.run()
    scene.small.now = [replace(scene.job(7, "RUNNING"), comment="project 12")]
    assert (await scene.watch.poll([run]))[run.key] == Alive("RUNNING")


async def test_an_outage_is_no_time_for_a_file_to_show(scene: Scene) -> None:
    """A run would be fetched before the shared file system shows what it wrote."""
    run = scene.run()
    scene.begins(7, by=7)
    scene.small.down = True
    assert isinstance((await scene.watch.poll([run]))[run.key], NoAnswer)
    scene.clock.now += SHOWS_WITHIN
    scene.small.down = False
    scene.small.now = [scene.job(7, "COMPLETED")]
    assert isinstance((await scene.watch.poll([run]))[run.key], Alive)
    scene.clock.now += SHOWS_WITHIN
    assert isinstance((await scene.watch.poll([run]))[run.key], Finished)


@pytest.mark.parametrize("left", ["", "[]", '{"job": "7"}'])
async def test_a_damaged_mark_holds_back_its_own_run_alone(scene: Scene, left: str) -> None:
    """After a crash of the file server no run would be followed any more."""
    bad, good = scene.run(7), scene.run(8)
    scene.begins(7, by=7)
    (scene.directory / bad.key / STARTED / "job").write_text(left)
    scene.small.now = [scene.job(7, "FAILED"), replace(scene.job(8, "CANCELLED"))]
    answers = await scene.watch.poll([bad, good])
    found = answers[bad.key]
    assert isinstance(found, NoAnswer)
    assert "mark" in found.why
    assert isinstance(answers[good.key], Finished)


async def test_a_file_system_that_is_away_ends_nothing(scene: Scene) -> None:
    """Runs would be called lost, because a mount hangs or is not there."""
    run = scene.run()
    os.rename(scene.directory, scene.directory.with_name("away"))  # noqa: PTH104
    scene.small.now = [scene.job(7, "FAILED")]
    found = (await scene.watch.poll([run]))[run.key]
    assert isinstance(found, NoAnswer)
    assert str(scene.directory) in found.why
