"""The verbs of a backend, by DRMAAtic's web API."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from orchestrator.backend import (
    Absent,
    Answer,
    Context,
    Finding,
    Output,
    ProtocolError,
    QuotaError,
    Run,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
    TransientError,
    Unclear,
)
from orchestrator.backends.drmaatic import checking, search
from orchestrator.backends.drmaatic.harvesting import Harvest
from orchestrator.backends.drmaatic.model import Options, RunTable
from orchestrator.backends.drmaatic.naming import has_uuid, uuid_of
from orchestrator.backends.drmaatic.service import PAGE_SIZE, Service
from orchestrator.backends.drmaatic.sightings import Sightings
from orchestrator.backends.drmaatic.status import Status, meaning
from orchestrator.backends.drmaatic.submitting import Catalogue, description, form
from orchestrator.backends.drmaatic.watching import SINGLES_AT_ONCE, Watch
from orchestrator.backends.http import Use, digested


class Drmaatic:
    """One account. A run is found again by its description."""

    def __init__(
        self,
        context: Context,
        options: Options,
        service: Service,
        sightings: Sightings,
        now: Callable[[], float],
    ) -> None:
        self.service, self.options = service, options
        self._catalogue = Catalogue(context.name, service, now)
        self._watch = Watch(service, options, sightings, now)
        self._harvest = Harvest(service, now)
        self._begun: dict[str, str] = {}  # by key: what the service began that is not as asked
        remembered = options.min_job_age.total_seconds()
        window = options.absence_after.total_seconds()
        self.traits = Traits(
            absence_window=None if service.is_anonymous else window,
            poll_batch=SINGLES_AT_ONCE if service.is_anonymous else PAGE_SIZE,
            exit_codes=False,
            visible_after=0.0,
            starts_after=True,
            inputs_at_submit=True,
            poll_within=remembered / 2,
        )

    async def stage(self, run: Run, step: StageStep) -> Staged:
        """Check the job; what is to be sent goes with the submit."""
        table = RunTable.model_validate(run.options)
        await self._catalogue.check(table, [step.name] if step.among is None else step.among)
        return Staged(*await digested(step.source))

    async def submit(self, run: Run) -> Submitted:
        """Start the run, with its inputs."""
        table = RunTable.model_validate(run.options)
        entry = await self._catalogue.check(table, run.inputs)
        await self._catalogue.check_credit(entry)
        await self._check_those_before(run)
        parts = form(await self.service.dialect(Use.SUBMIT), run, table)
        try:
            record = await self.service.create(parts)
        except QuotaError:
            self._catalogue.dear.add(entry.name)
            raise
        fault = checking.differs(record, table)
        if record.description != description(run):
            fault = "it does not carry the run's key"
        if fault:
            self._begun[run.key] = f"the service began run {record.uuid}, but {fault}"
            raise ProtocolError(self._begun[run.key])
        return Submitted(str(record.uuid))

    async def find(self, run: Run) -> Finding:
        """Look for the run by its description.

        Where the service answered the submit with a run, no list proves that there is none.
        """
        finding = await search.by_key(self.service, run)
        if isinstance(finding, Absent) and run.key in self._begun:
            return Unclear(f"{self._begun[run.key]}; {finding.evidence}")
        return finding

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask about all runs in one call; not again sooner than the account's budget allows."""
        return await self._watch.poll(runs)

    async def cancel(self, run: Run) -> None:
        """Ask for the run's end. That the service says it does not run proves nothing."""
        await self.service.stop(uuid_of(run), Use.CANCEL)

    async def sync(self, run: Run) -> None:
        """Do nothing: the files of a live run can be seen at any time."""

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List what the run left in its directory, and what the service says of it."""
        return await self._harvest.list(run)

    @contextmanager
    def open_output(
        self,
        run: Run,
        output: Output,
        offset: int,  # noqa: ARG002 - the service knows no parts of files
    ) -> Iterator[Stream]:
        """Open one output, always from its beginning."""
        with self._harvest.open(run, output) as stream:
            yield stream

    async def forget(self, run: Run) -> None:
        """Let go of what is kept of the run here; remove over there what the spec says."""
        self._watch.forget(run)
        self._harvest.forget(run)
        self._begun.pop(run.key, None)
        table = RunTable.model_validate(run.options)
        if run.stored and has_uuid(run) and table.remove == "run":
            record = await self.service.get(uuid_of(run), Use.TRANSFER)
            if record is not None and not record.descendants:
                await self.service.delete(uuid_of(run), Use.TRANSFER)

    async def _check_those_before(self, run: Run) -> None:
        """Raise TransientError where a run that this one is to come after is not in the cluster.

        One that has ended may be forgotten there, and one that was merely received may never come:
        behind them the service starts nothing, and calls this run failed. The engine will see what
        became of them, and then submits this one behind nothing, or not at all.
        """
        for uuid in run.after:
            before = await self.service.get(uuid, Use.SUBMIT)
            if before is None or meaning(before.status) is not Status.ALIVE:
                stands = "unknown there" if before is None else repr(before.status)
                text = f"run {uuid}, behind which it is to be, is looked at first: {stands}"
                raise TransientError(text, effect="none")
