"""The verbs of a backend, by DRMAAtic's web API."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import inf
from threading import Event
from uuid import UUID

from anyio import from_thread
from anyio.to_thread import run_sync

from orchestrator.backend import (
    Absent,
    Alive,
    Answer,
    BackendError,
    Context,
    Finding,
    Lost,
    NoAnswer,
    Output,
    ProtocolError,
    QuotaError,
    RejectedError,
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
from orchestrator.backends.drmaatic.calls import UnreadableError
from orchestrator.backends.drmaatic.judging import Seen, alive, judge, missing
from orchestrator.backends.drmaatic.model import Options, RunTable
from orchestrator.backends.drmaatic.outputs import (
    LEFT_OUT,
    RECORD,
    inputs_of,
    left_out,
    outputs_of,
    record_file,
    said_by,
)
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.backends.drmaatic.service import PAGE_SIZE, Service
from orchestrator.backends.drmaatic.sightings import Sightings
from orchestrator.backends.drmaatic.status import ENDS, Status, meaning
from orchestrator.backends.drmaatic.submitting import (
    Catalogue,
    description,
    digest,
    form,
)
from orchestrator.backends.http import Use

SHOWS_WITHIN = 60.0  # seconds; a shared file system may show a file late
SINGLES_AT_ONCE = 10  # runs that need a call of their own, in one poll
UNREADABLE_AFTER = 600.0  # seconds after which a file that cannot be read is left out
GONE_AFTER = 600.0  # seconds for which the service must not know a run until it is gone for good


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
        self._now = now
        self._sightings = sightings
        self._catalogue = Catalogue(context.name, service, now)
        self._answers: dict[str, tuple[float, Answer]] = {}  # by key: when it was asked, and what
        self._begun: dict[str, str] = {}  # by key: what the service began that is not as asked
        self._since: dict[tuple[str, str], float] = {}  # by key: since when it is "received" …
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
        stop = Event()
        try:
            found = await run_sync(digest, step.source, stop.is_set, abandon_on_cancel=True)
        finally:
            stop.set()  # a thread that is left behind by a cancel reads no more
        return Staged(*found)

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
        answers: dict[str, Answer] = {}
        asked: list[Run] = []
        pause = self.service.door.pace(1)
        for run in runs:
            at, last = self._answers.get(run.key, (0.0, None))
            if not _has_uuid(run):
                text = f"{run.remote_id!r} is no UUID of a run"
                wrong = (
                    f"{text}; if it was adopted by mistake: hold the job, then retry --i-checked"
                )
                # A person who cancels gives it up: nobody can be asked whether it has stopped.
                answers[run.key] = Lost(text) if run.stopping else NoAnswer(wrong)
            elif isinstance(last, Alive) and self._now() - at < pause:
                answers[run.key] = last
            else:
                asked.append(run)
        at = self._now()
        records = await self._records(asked) if asked else {}
        singles = 0
        for run in asked:
            record = records.get(_uuid(run))
            singles += record is None or meaning(record.status) in ENDS
            if singles > SINGLES_AT_ONCE:
                answers[run.key] = NoAnswer("it is asked about next")
                continue
            answers[run.key] = await self._answer(run, record, at)
            self._answers[run.key] = (at, answers[run.key])
        return answers

    async def cancel(self, run: Run) -> None:
        """Ask for the run's end. That the service says it does not run proves nothing."""
        await self.service.stop(_uuid(run), Use.CANCEL)

    async def sync(self, run: Run) -> None:
        """Do nothing: the files of a live run can be seen at any time."""

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List what the run left in its directory, and what the service says of it."""
        uuid = _uuid(run)
        record = await self._known(uuid)
        names = await self.service.files(uuid, Use.TRANSFER)
        lacking = missing(run.outputs.include or (), names)
        if lacking and not run.live and self._for(run, "lacking") < SHOWS_WITHIN:
            raise TransientError(
                f"no file fits {', '.join(lacking)} yet; it is looked for once more",
                effect="none",
                retry_after=SHOWS_WITHIN,
            )
        return outputs_of(run, record, names, self._unreadable(run, names))

    @contextmanager
    def open_output(
        self,
        run: Run,
        output: Output,
        offset: int,  # noqa: ARG002 - the service knows no parts of files
    ) -> Iterator[Stream]:
        """Open one output, always from its beginning."""
        uuid = _uuid(run)
        if output.log and output.name in {RECORD, LEFT_OUT}:
            if output.name == RECORD:
                text = record_file(from_thread.run(self._known, uuid))
            else:
                names = from_thread.run(self.service.files, uuid, Use.TRANSFER)
                text = left_out(names, self._unreadable(run, names))
            yield Stream(0, iter([text]))
            return
        path = from_thread.run(self.service.file_path, uuid, output.name, Use.TRANSFER)
        with self._noting(run, output.name), self.service.open(path) as found:
            if found.size is None:
                raise ProtocolError(f"nothing says how long {output.name!r} is", effect="none")
            yield Stream(0, iter(found))

    async def forget(self, run: Run) -> None:
        """Let go of what is kept of the run here; remove over there what the spec says."""
        self._answers.pop(run.key, None)
        self._begun.pop(run.key, None)
        self._sightings.forget(run.key)
        self._since = {it: at for it, at in self._since.items() if it[0] != run.key}
        if run.stored and _has_uuid(run) and _table(run).remove == "run":
            record = await self.service.get(_uuid(run), Use.TRANSFER)
            if record is not None and not record.descendants:
                await self.service.delete(_uuid(run), Use.TRANSFER)

    async def _check_those_before(self, run: Run) -> None:
        """Raise TransientError where a run that this one is to come after has ended by now.

        The cluster may have forgotten it, and then takes no run behind it. The engine will see how
        it ended, and then submits this one behind nothing, or not at all.
        """
        for uuid in run.after:
            before = await self.service.get(uuid, Use.SUBMIT)
            if before is None or meaning(before.status) in ENDS:
                text = f"run {uuid}, behind which it is to be, has ended; it is looked at first"
                raise TransientError(text, effect="none")

    @contextmanager
    def _noting(self, run: Run, name: str) -> Iterator[None]:
        """Note since when the service cannot read a file: a link may lead nowhere for ever."""
        try:
            yield
        except UnreadableError:
            self._for(run, f"unreadable {name}")
            raise
        self._since.pop((run.key, f"unreadable {name}"), None)

    def _unreadable(self, run: Run, names: Sequence[str]) -> set[str]:
        """Return which files have been unreadable for so long that they are left out."""
        since, latest = self._since, self._now() - UNREADABLE_AFTER
        return {it for it in names if since.get((run.key, f"unreadable {it}"), inf) <= latest}

    async def _records(self, runs: Sequence[Run]) -> dict[str, Record]:
        """Return what the service tells of these runs; an anonymous account has no list."""
        uuids = {_uuid(run) for run in runs}
        return {} if self.service.is_anonymous else await search.by_ids(self.service, uuids)

    async def _known(self, uuid: str) -> Record:
        record = await self.service.get(uuid, Use.TRANSFER)
        if record is None:
            raise RejectedError(f"the service does not know run {uuid} any more", effect="none")
        return record

    async def _answer(self, run: Run, record: Record | None, at: float) -> Answer:
        """Say what a record means; what was told of other runs is not lost by an error."""
        try:
            if record is None:
                record = await self.service.get(_uuid(run), Use.POLL)
                if record is None:
                    return self._gone(run)
            self._since.pop((run.key, "missing"), None)
            if meaning(record.status) in ENDS:
                return await self._end(run, record)
        except BackendError as error:
            return NoAnswer(str(error))
        return self._alive(run, record, at)

    def _alive(self, run: Run, record: Record, at: float) -> Answer:
        status = meaning(record.status)
        if status is Status.ALIVE:
            self._sightings.note(run.key, at)
        received = self._for(run, "received") if status is Status.RECEIVED else 0.0
        answer = alive(
            record.status,
            received_for=received,
            received_limit=self.options.received_limit.total_seconds(),
        )
        pause = self.service.door.pace(1)
        if isinstance(answer, Alive) and pause > self.options.min_job_age.total_seconds():
            return Alive(
                f"{answer.detail}; asked about every {pause / 60:.0f} min, too seldom for the"
                " service's word on its end: its files will tell"
            )
        return answer

    async def _end(self, run: Run, record: Record) -> Answer:
        table, status = _table(run), meaning(record.status)
        remembered = self.options.min_job_age.total_seconds()
        young = record.age is not None and record.age < remembered
        timely = young or self._sightings.within(run.key, remembered)
        proof: Sequence[str] = table.proof
        if not proof and status is Status.DONE and not timely:
            proof = run.outputs.include or ()
        lacking: list[str] = []
        if proof and not run.stopping and status in {Status.DONE, Status.FAILED}:
            names = await self.service.files(_uuid(run), Use.POLL)
            lacking = missing(proof, set(names) - inputs_of(record) - said_by(record))
        waited = self._for(run, "ended") >= table.proof_wait.total_seconds()
        seen = Seen(timely=timely, stopping=run.stopping, waited=waited)
        return judge(record.status, seen, proof=proof, lacking=lacking)

    def _gone(self, run: Run) -> Answer:
        """Say what it means that the service does not know a run."""
        seconds = self._for(run, "missing")
        text = f"the service knows no run {_uuid(run)}"
        if seconds < GONE_AFTER:
            return NoAnswer(f"{text}; it is asked again")
        return Lost(f"{text}, for {seconds / 60:.0f} min: somebody deleted it")

    def _for(self, run: Run, what: str) -> float:
        """Return for how long (seconds) something is so of a run; from the first call on."""
        now = self._now()
        return now - self._since.setdefault((run.key, what), now)


def _table(run: Run) -> RunTable:
    return RunTable.model_validate(run.options)


def _has_uuid(run: Run) -> bool:
    """Whether a run's id may be one; a person who adopted it may have named anything."""
    try:
        return run.remote_id is not None and bool(UUID(run.remote_id))
    except ValueError:
        return False


def _uuid(run: Run) -> str:
    if run.remote_id is None or not _has_uuid(run):
        raise RejectedError(f"{run.remote_id!r} is no UUID of a run", effect="none")
    return str(UUID(run.remote_id))  # a person may write it in capitals
