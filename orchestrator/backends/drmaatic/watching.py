"""Follow runs: what the service's records mean, held against what was seen before."""

from collections.abc import Callable, Mapping, Sequence

from orchestrator.backend import Alive, Answer, BackendError, Lost, NoAnswer, Run
from orchestrator.backends.drmaatic import search
from orchestrator.backends.drmaatic.judging import Seen, alive, judge, missing
from orchestrator.backends.drmaatic.model import Options, RunTable
from orchestrator.backends.drmaatic.naming import has_uuid, uuid_of
from orchestrator.backends.drmaatic.outputs import inputs_of, said_by
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.backends.drmaatic.service import Service
from orchestrator.backends.drmaatic.sightings import Sightings
from orchestrator.backends.drmaatic.since import Since
from orchestrator.backends.drmaatic.status import ENDS, Status, meaning
from orchestrator.backends.http import Use

SINGLES_AT_ONCE = 10  # runs that need a call of their own, in one poll
GONE_AFTER = 600.0  # seconds for which the service must not know a run until it is gone for good
RECEIVED, ENDED, MISSING = "received", "ended", "missing"


class Watch:
    """The runs that are followed."""

    def __init__(
        self, service: Service, options: Options, sightings: Sightings, now: Callable[[], float]
    ) -> None:
        self._service, self._options, self._now = service, options, now
        self._sightings = sightings
        self._since = Since(now)
        self._answers: dict[str, tuple[float, Answer]] = {}  # by key: when it was asked, and what

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask about all runs in one call; not again sooner than the account's budget allows."""
        answers: dict[str, Answer] = {}
        asked: list[Run] = []
        pause = self._service.door.pace(1)
        for run in runs:
            at, last = self._answers.get(run.key, (0.0, None))
            if not has_uuid(run):
                text = f"{run.remote_id!r} is no UUID of a run"
                wrong = (
                    f"{text}: if it was adopted by mistake, hold the job, then retry --i-checked"
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
            record = records.get(uuid_of(run))
            singles += record is None or meaning(record.status) in ENDS
            if singles > SINGLES_AT_ONCE:
                answers[run.key] = NoAnswer("it is asked about next")
                continue
            answers[run.key] = await self._answer(run, record)
            self._answers[run.key] = (at, answers[run.key])
        return answers

    def forget(self, run: Run) -> None:
        """Drop what is remembered of a run."""
        self._answers.pop(run.key, None)
        self._sightings.forget(run.key)
        self._since.forget(run.key)

    async def _records(self, runs: Sequence[Run]) -> dict[str, Record]:
        """Return what the service tells of these runs; an anonymous account has no list."""
        uuids = {uuid_of(run) for run in runs}
        return {} if self._service.is_anonymous else await search.by_ids(self._service, uuids)

    async def _answer(self, run: Run, record: Record | None) -> Answer:
        """Say what a record means; what was told of other runs is not lost by an error."""
        try:
            if record is None:
                record = await self._service.get(uuid_of(run), Use.POLL)
                if record is None:
                    return self._gone(run)
            self._since.over(run.key, MISSING)
            if meaning(record.status) in ENDS:
                return await self._end(run, record)
        except BackendError as error:
            return NoAnswer(str(error))
        return self._alive(run, record)

    def _alive(self, run: Run, record: Record) -> Answer:
        status = meaning(record.status)
        if status is Status.ALIVE:
            self._sightings.note(run.key, record)
        received = self._since.seconds(run.key, RECEIVED) if status is Status.RECEIVED else 0.0
        answer = alive(
            record.status,
            received_for=received,
            received_limit=self._options.received_limit.total_seconds(),
        )
        pause = self._service.door.pace(1)
        if isinstance(answer, Alive) and pause > self._options.min_job_age.total_seconds():
            return Alive(
                f"{answer.detail}; asked about every {pause / 60:.0f} min, too seldom for the"
                " service's word on its end: its files will tell"
            )
        return answer

    async def _end(self, run: Run, record: Record) -> Answer:
        table, status = RunTable.model_validate(run.options), meaning(record.status)
        remembered = self._options.min_job_age.total_seconds()
        timely = self._sightings.is_timely(run.key, record, remembered)
        proof: Sequence[str] = table.proof
        if not proof and status is Status.DONE and not timely:
            # What fits any file at all proves nothing.
            proof = [it for it in run.outputs.include or () if it.strip("*/")]
        lacking: list[str] = []
        if proof and not run.stopping and status in {Status.DONE, Status.FAILED}:
            names = await self._service.files(uuid_of(run), Use.POLL)
            lacking = missing(proof, set(names) - inputs_of(record) - said_by(record))
        waited = self._since.seconds(run.key, ENDED) >= table.proof_wait.total_seconds()
        seen = Seen(timely=timely, stopping=run.stopping, waited=waited)
        return judge(record.status, seen, proof=proof, lacking=lacking)

    def _gone(self, run: Run) -> Answer:
        """Say what it means that the service does not know a run."""
        seconds = self._since.seconds(run.key, MISSING)
        text = f"the service knows no run {uuid_of(run)}"
        if seconds < GONE_AFTER:
            return NoAnswer(f"{text}; it is asked again")
        return Lost(f"{text}, for {seconds / 60:.0f} min: somebody deleted it")
