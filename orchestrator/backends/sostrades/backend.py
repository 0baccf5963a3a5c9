"""The verbs of a backend, by SoSTrades' API v0."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from anyio.to_thread import run_sync

from orchestrator.backend import (
    Answer,
    Begun,
    Finding,
    Output,
    RejectedError,
    Run,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
)
from orchestrator.backends.http import digested
from orchestrator.backends.sostrades import finding, watching
from orchestrator.backends.sostrades.harvesting import Harvest
from orchestrator.backends.sostrades.holding import check_table
from orchestrator.backends.sostrades.model import Options, RunTable
from orchestrator.backends.sostrades.naming import study_of
from orchestrator.backends.sostrades.service import Service
from orchestrator.backends.sostrades.submitting import Start

CALLS = 3  # of which one verb makes that may each take all of the patience


class SosTrades:
    """One account. The engine gives each study to one run at a time."""

    def __init__(self, options: Options, service: Service, now: Callable[[], float]) -> None:
        self.options, self.service = options, service
        self._start, self._harvest = Start(service, now), Harvest(service)
        self.traits = Traits(
            poll_batch=1,
            exit_codes=False,
            inputs_at_submit=True,
            answers_within=CALLS * options.patience.total_seconds(),
            stops=False,
        )

    async def stage(self, run: Run, step: StageStep) -> Staged:
        """Check the job and one of its tables; what is to be sent goes with the submit."""
        table = RunTable.model_validate(run.options)
        await self._start.check(table, [step.name] if step.among is None else step.among)
        found = await digested(step.source)
        await run_sync(check_table, step.source, abandon_on_cancel=True)
        return Staged(*found)

    async def submit(self, run: Run) -> Submitted | Begun:
        """Take the next step towards the execution, or have the study executed, once."""
        return await self._start.submit(run)

    async def find(self, run: Run) -> Finding:
        """Look for an execution that was asked for without an answer."""
        return await finding.find(self.service, run)

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask how studies stand, one after another."""
        return {run.key: await watching.answer(self.service, self.options, run) for run in runs}

    async def cancel(self, run: Run) -> None:
        """Say how a person can stop it: the service has no call for that."""
        raise RejectedError(
            "SoSTrades offers no way to stop a calculation from outside: stop study"
            f" {study_of(run)} in its web interface, or wait for its end",
            effect="none",
        )

    async def sync(self, run: Run) -> None:
        """Do nothing: the log of a live run can be seen at any time."""

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List the values, charts and log of a calculation that is still the study's last."""
        return await self._harvest.list(run)

    @contextmanager
    def open_output(
        self,
        run: Run,
        output: Output,
        offset: int,  # noqa: ARG002 - the service makes most of it anew for each call
    ) -> Iterator[Stream]:
        """Open one output, always from its beginning."""
        with self._harvest.open(run, output) as stream:
            yield stream

    async def forget(self, run: Run) -> None:
        """Let go of what is kept of the run here; the study stays as it is."""
        self._start.forget(run)
