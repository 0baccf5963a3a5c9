"""The verbs of a backend, by jobs of a Slurm cluster."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from anyio.to_thread import run_sync

from orchestrator.backend import (
    Answer,
    Context,
    Finding,
    Output,
    ProtocolError,
    RejectedError,
    Run,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
    TransientError,
)
from orchestrator.backends.http.asking import Use
from orchestrator.backends.local.command import arguments, environment
from orchestrator.backends.local.folder import SCRIPT
from orchestrator.backends.slurm import checking, naming, search
from orchestrator.backends.slurm.folders import Folders
from orchestrator.backends.slurm.marks import SLURMS_LOG
from orchestrator.backends.slurm.model import Options, RunTable
from orchestrator.backends.slurm.script import batch_script
from orchestrator.backends.slurm.values import Order, Partition
from orchestrator.backends.slurm.watching import Watch
from orchestrator.backends.slurm.way import Way
from orchestrator.backends.supervisor.files import WORK

POLL_WITHIN = 120.0  # seconds; a controller forgets what has ended after MinJobAge, usually 300
OFFER_LIVES = 60.0  # seconds for which what the cluster offers is believed
OF_THIS_MACHINE = "TMPDIR"  # a node has its own


class Slurm:
    """One cluster. A run is found again by the name of its job, and by the marks in its folder."""

    def __init__(
        self, context: Context, options: Options, way: Way, now: Callable[[], float]
    ) -> None:
        self.way, self.options, self.folders = way, options, Folders(options.directory)
        self._secret, self._now = context.secret, now
        self._watch = Watch(way, self.folders, options.lost_after.total_seconds(), now)
        self._offer: tuple[float, Sequence[Partition]] | None = None
        self.traits = Traits(
            absence_window=options.absence_after.total_seconds(),
            poll_batch=1000,
            keeps_time_limit=True,
            visible_after=0.0,
            poll_within=POLL_WITHIN,
        )

    async def stage(self, run: Run, step: StageStep) -> Staged:
        """Copy one input into the run's folder."""
        return await run_sync(self.folders.stage, run.key, step.name, step.source)

    async def submit(self, run: Run) -> Submitted:
        """Submit the job, unless one of that key has ever begun."""
        table = RunTable.model_validate(run.options)
        wants = checking.resources(table, run.time_limit)
        offer = await self._offered()
        if found := checking.problems(wants, offer):
            raise RejectedError("; ".join(found), effect="none")
        if text := checking.shut(wants, offer):
            raise TransientError(text, effect="none")
        variables = environment(run, table, _inherited(os.environ), self._secret)
        await run_sync(self.folders.prepare, run.key, table.cwd, table.script)
        marks = await run_sync(self.folders.read, run.key)
        if marks.started:
            raise ProtocolError(f"job {marks.job} has begun this run already")
        folder = self.folders.path(run.key)
        work = f"{folder}/{WORK}/{table.cwd}"
        text = batch_script(run.key, folder, work, arguments(table, f"{folder}/{SCRIPT}"))
        order = Order(
            name=run.key,
            comment=naming.comment(run),
            script=text,
            folder=folder,
            log=f"{folder}/{SLURMS_LOG}",
            environment=variables,
            wants=wants,
        )
        return Submitted(str(await self.way.submit(order)))

    async def find(self, run: Run) -> Finding:
        """Look in the run's folder, then ask the controller, then accounting."""
        return await search.by_key(self.way, self.folders, run)

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask about all runs at once."""
        return await self._watch.poll(runs)

    async def cancel(self, run: Run) -> None:
        """Ask for the end of the run's job, and of another that has begun it in its stead."""
        marks = await run_sync(self.folders.read, run.key)
        for number in {naming.number_of(run), marks.job} - {None, 0}:
            await self.way.cancel(int(number or 0))

    async def sync(self, run: Run) -> None:
        """Do nothing: the files of a run can be seen at any time."""

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List the logs and the files that the spec asks for."""
        return await run_sync(self.folders.list_outputs, run, _tasks(run))

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Open one output for reading."""
        with self.folders.open_output(run, _tasks(run), output, offset) as stream:
            yield stream

    async def forget(self, run: Run) -> None:
        """Remove the run's folder."""
        self._watch.forget(run.key)
        await run_sync(self.folders.remove, run.key)

    async def _offered(self) -> Sequence[Partition]:
        """Return what the cluster offers; jobs that come together ask once."""
        if self._offer is None or self._now() - self._offer[0] >= OFFER_LIVES:
            self._offer = self._now(), await self.way.partitions(Use.SUBMIT)
        return self._offer[1]


def _tasks(run: Run) -> list[str]:
    return checking.array_of(RunTable.model_validate(run.options))


def _inherited(daemon: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in daemon.items() if name != OF_THIS_MACHINE}
