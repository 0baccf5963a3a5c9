"""Follow runs: one question to the controller for all, one to accounting for those it lacks."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from anyio.to_thread import run_sync

from orchestrator.backend import Answer, BackendError, Finished, Lost, NoAnswer, Run
from orchestrator.backends.http.asking import Use
from orchestrator.backends.slurm import checking
from orchestrator.backends.slurm.folders import Folders
from orchestrator.backends.slurm.judging import Seen, alive, judge, needs_accounting
from orchestrator.backends.slurm.marks import Marks
from orchestrator.backends.slurm.model import RunTable
from orchestrator.backends.slurm.naming import number_of
from orchestrator.backends.slurm.states import is_over
from orchestrator.backends.slurm.values import Job
from orchestrator.backends.slurm.way import Way

FRESH = 0.5  # seconds for which the list of the controller tells that runs are live
SHOWS_WITHIN = 60.0  # seconds; a shared file system may show a file late

Rows = Mapping[str, list[Job]]  # by the name of the job, which is the run's key


class Watch:
    """The runs that are followed. `lost_after` and `now` are in seconds."""

    def __init__(
        self, way: Way, folders: Folders, lost_after: float, now: Callable[[], float]
    ) -> None:
        self._way, self._folders = way, folders
        self._lost_after, self._now = lost_after, now
        self._asked_at = -FRESH
        self._rows: Rows = {}
        self._ended: dict[str, float] = {}  # by key: since when Slurm calls it over
        self._unknown: dict[str, float] = {}  # by key: since when nobody knows it

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Say how these runs stand."""
        answers: dict[str, Answer] = {
            run.key: NoAnswer(f"{run.remote_id!r} is no number of a job")
            for run in runs
            if number_of(run) is None
        }
        asked = [run for run in runs if run.key not in answers]
        rows, trouble = await self._controller(asked) if asked else ({}, "")
        for run in asked:
            found = alive(_of(run, rows))
            if found is not None:
                answers[run.key] = found
                self.forget(run.key)
        rest = [run for run in asked if run.key not in answers]
        return answers | await self._judged(rest, rows, trouble) if rest else answers

    def forget(self, key: str) -> None:
        """Drop what is remembered of a run."""
        self._ended.pop(key, None)
        self._unknown.pop(key, None)

    async def _controller(self, runs: Sequence[Run]) -> tuple[Rows, str]:
        """Return the controller's list; for live runs it is not asked for at every poll."""
        now = self._now()
        fresh = now - self._asked_at < FRESH
        if not (fresh and all(alive(_of(run, self._rows)) for run in runs)):
            try:
                jobs = await self._way.jobs(Use.POLL)
            except BackendError as error:
                return {}, str(error)
            rows = defaultdict(list)
            for job in jobs:
                rows[job.name].append(job)
            self._asked_at, self._rows = now, dict(rows)
        return self._rows, ""

    async def _judged(self, runs: Sequence[Run], rows: Rows, trouble: str) -> dict[str, Answer]:
        """Judge runs that the controller does not call live."""
        marks = await run_sync(self._folders.read_all, [run.key for run in runs])
        answers: dict[str, Answer] = {}
        seen: dict[str, Seen] = {}
        for run in runs:
            found = marks[run.key]
            if isinstance(found, str):
                answers[run.key] = NoAnswer(found)
                continue
            seen[run.key] = Seen(
                tasks=checking.array_of(RunTable.model_validate(run.options)),
                marks=found,
                now=_of(run, rows, found),
                stopping=run.stopping,
                trouble=trouble,
            )
        by_key = {run.key: run for run in runs}
        lacking = [by_key[key] for key, one in seen.items() if needs_accounting(one)]
        past, more = await self._accounting(lacking, seen) if lacking else ({}, "")
        for key, one in seen.items():
            later = _of(by_key[key], past, one.marks)
            over = any(is_over(row) for row in (*one.now, *later))  # in an outage nobody tells
            waited = over and self._lasts(self._ended, key, SHOWS_WITHIN)
            whole = replace(one, past=later, waited=waited, trouble=trouble or more)
            answers[key] = await self._answer(key, whole)
        return answers

    async def _accounting(self, runs: Sequence[Run], seen: Mapping[str, Seen]) -> tuple[Rows, str]:
        numbers = {number for run in runs for number in _numbers(run, seen[run.key].marks)}
        try:
            jobs = await self._way.past(Use.POLL, ids=numbers)
        except BackendError as error:
            return {}, str(error)
        rows = defaultdict(list)
        for job in jobs or ():
            rows[job.name].append(job)
        return dict(rows), ""

    async def _answer(self, key: str, seen: Seen) -> Answer:
        """Judge a run; one that nobody knows, and that never started, is kept from starting."""
        answer = judge(seen)
        if not isinstance(answer, NoAnswer) or seen.trouble:
            self._unknown.pop(key, None)
        elif self._lasts(self._unknown, key, self._lost_after):
            answer = judge(replace(seen, lost=True))
        if isinstance(answer, Lost) and seen.marks.job is None:
            try:
                never = await run_sync(self._folders.give_up, key, seen.tasks)
            except BackendError as error:
                return NoAnswer(str(error))
            if never:
                text = f"Slurm lost it: {answer.evidence}; it can not start any more"
                return Finished(ok=False, reason=text)
        return answer

    def _lasts(self, since: dict[str, float], key: str, seconds: float) -> bool:
        return self._now() - since.setdefault(key, self._now()) >= seconds


def _numbers(run: Run, marks: Marks) -> set[int]:
    """Return the numbers of a run's jobs: a submit without an answer may have made another."""
    return {number for number in (number_of(run), marks.job) if number}


def _of(run: Run, rows: Rows, marks: Marks | None = None) -> list[Job]:
    """Return the rows of a run's job: of the one that has begun it, else of the one we know of.

    Name and number suffice: a comment may be changed while the job is in the queue.
    """
    number = (marks and marks.job) or number_of(run)
    return [row for row in rows.get(run.key, ()) if row.run == number]
