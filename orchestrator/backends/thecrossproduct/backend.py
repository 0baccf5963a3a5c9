"""The verbs of a backend, by TheCrossProduct's web API."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from pydantic import JsonValue

from orchestrator.backend import (
    Absent,
    Answer,
    Begun,
    Finding,
    Found,
    Lost,
    NoAnswer,
    Output,
    RejectedError,
    Run,
    Several,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
    Unclear,
)
from orchestrator.backends.http import Storage, Use
from orchestrator.backends.thecrossproduct import apps, data
from orchestrator.backends.thecrossproduct.checking import check, inputs_of
from orchestrator.backends.thecrossproduct.judging import judge
from orchestrator.backends.thecrossproduct.layout import (
    folder,
    input_uri,
    output_prefix,
    references,
    resolved,
)
from orchestrator.backends.thecrossproduct.model import Options, RunTable
from orchestrator.backends.thecrossproduct.outputs import Outputs
from orchestrator.backends.thecrossproduct.replies import Process
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.backends.thecrossproduct.staging import Stager

POLL_BATCH = 50
LOOKED_AT_ALONE = 5  # runs that one poll asks for by their id, because the list lacks them


class TheCrossProduct:
    """One account. A run carries its key as a tag, and has a folder of that name in the storage."""

    def __init__(self, session: Session, storage: Storage, options: Options) -> None:
        self.session = session
        self.storage = storage
        self._root = options.folder
        self._stager = Stager(session, storage)
        self._outputs = Outputs(session, storage, options.folder)
        self._schemas: dict[str, dict[str, JsonValue]] = {}
        self._canary: tuple[str, str] | None = None  # key and id of a run that was seen listed
        self.traits = Traits(
            absence_window=options.absence_after.total_seconds(),
            poll_batch=POLL_BATCH,
            exit_codes=False,
        )

    async def stage(self, run: Run, step: StageStep) -> Staged | Begun:
        """Bring one input into the run's folder, after a look at what the app takes."""
        await self._check(run)
        uri = input_uri(self._root, run, step.name)
        return await self._stager.stage(run.memo, uri, step.source)

    async def submit(self, run: Run) -> Submitted:
        """Start the run, with its key as a tag and an output prefix that is its alone."""
        await self._check(run)
        table = RunTable.model_validate(run.options)
        own = [input_uri(self._root, run, name) for name in sorted(references(table.inputs))]
        if own and not await data.exists(self.session, own, Use.SUBMIT):
            raise RejectedError(
                f"not all of the files that `inputs` refers to are there: {', '.join(own)}; name"
                " them in [inputs], or drop them beside the job file",
                effect="none",
            )
        inputs = resolved(table.inputs, self._root, run)
        id_ = await apps.run(
            self.session,
            table.app,
            inputs if isinstance(inputs, Mapping) else {},
            tags=[run.key, *table.tags],
            output_prefix=output_prefix(self._root, run),
            pool=table.pool,
        )
        return Submitted(id_)

    async def find(self, run: Run) -> Finding:
        """Look for the key among the tags; a run that is known to be there must show as well."""
        canary = self._canary
        tags: JsonValue = [run.key] if canary is None else [run.key, canary[0]]
        listed = await apps.processes(
            self.session, Use.SUBMIT, tags_intersects=tags, items_per_page=100
        )
        if listed is None and canary is None:
            return Unclear("the answer is empty: there is nothing to list, or the service fails")
        listed = listed or []
        if any(process.tags is None for process in listed):
            return Unclear("the list of processes does not tell their tags")
        ids = sorted({process.id for process in listed if run.key in (process.tags or ())})
        if len(ids) > 1:
            return Several(tuple(ids))
        if ids:
            return await self._confirm(run, ids[0])
        if canary is not None and canary[1] not in {process.id for process in listed}:
            return Unclear(f"the list does not show process {canary[1]}, which was there before")
        return Absent(f"no process has the tag {run.key}")

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask for all runs by one list; for what it lacks by its id."""
        if not runs:
            return {}
        keys: JsonValue = [run.key for run in runs]
        listed = await apps.processes(
            self.session, Use.POLL, tags_intersects=keys, items_per_page=100
        )
        by_id = {process.id: process for process in listed or ()}
        answers: dict[str, Answer] = {}
        alone = 0
        for run in runs:
            process = by_id.get(run.remote_id or "")
            if process is not None:
                self._canary = (run.key, process.id)
                answers[run.key] = _answer(run, process)
            elif run.remote_id is not None and alone < LOOKED_AT_ALONE:
                alone += 1
                answers[run.key] = await self._look_at(run, run.remote_id)
            else:
                answers[run.key] = NoAnswer("the list of processes does not show it")
        return answers

    async def cancel(self, run: Run) -> None:
        """End the process; its record is kept, since only that tells whether it ended."""
        await apps.stop(self.session, [_id(run)], Use.CANCEL, keep=True)

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List the outputs of the process, and its record."""
        return await self._outputs.list(run, _id(run))

    @contextmanager
    def open_output(self, run: Run, output: Output, offset: int) -> Iterator[Stream]:
        """Open one output by a signed link."""
        with self._outputs.open(run, _id(run), output, offset) as stream:
            yield stream

    async def forget(self, run: Run) -> None:
        """Give up an upload that was broken off; remove over there what the spec says."""
        self._outputs.forget(run)
        await self._stager.abort(run.memo)
        remove = RunTable.model_validate(run.options).remove
        if not run.stored or remove == "nothing":
            return
        await data.remove(self.session, folder(self._root, run), Use.TRANSFER)
        if remove == "all" and run.remote_id is not None:
            if self._canary is not None and self._canary[1] == run.remote_id:
                self._canary = None
            await apps.stop(self.session, [run.remote_id], Use.TRANSFER, keep=False)

    async def _check(self, run: Run) -> None:
        """Hold the inputs against what the app takes, before anything is sent."""
        table = RunTable.model_validate(run.options)
        if table.app not in self._schemas:
            answer = await apps.inputs_schema(self.session, table.app, Use.SUBMIT)
            self._schemas[table.app] = inputs_of(answer)
        inputs = resolved(table.inputs, self._root, run)
        check(table.app, self._schemas[table.app], inputs if isinstance(inputs, Mapping) else {})

    async def _confirm(self, run: Run, id_: str) -> Finding:
        """Ask for a listed process by its id: a list that mixes ids up must not be believed."""
        process = await apps.process(self.session, id_, Use.SUBMIT)
        if process is None or run.key not in (process.tags or ()):
            return Unclear(f"process {id_} is listed with the tag {run.key}, but not there")
        return Found(id_, f"a process with the tag {run.key}")

    async def _look_at(self, run: Run, id_: str) -> Answer:
        process = await apps.process(self.session, id_, Use.POLL)
        if process is None:
            return Lost(f"the service has no process {id_} any more, neither listed nor by its id")
        return _answer(run, process)


def _answer(run: Run, process: Process) -> Answer:
    if process.tags is not None and run.key not in process.tags:
        return NoAnswer(f"process {process.id} does not carry the tag {run.key}")
    return judge(process, stopping=run.stopping)


def _id(run: Run) -> str:
    if run.remote_id is None:
        raise RejectedError("the run has no id at the service", effect="none")
    return run.remote_id
