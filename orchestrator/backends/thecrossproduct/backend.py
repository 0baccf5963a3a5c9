"""The verbs of a backend, by TheCrossProduct's web API."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from math import inf
from time import monotonic

from pydantic import JsonValue

from orchestrator.backend import (
    Absent,
    Answer,
    BackendError,
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
from orchestrator.document import value_text

POLL_BATCH = 50
SCHEMA_LIVES = 600.0  # seconds for which what an app said of its inputs is believed
GONE_AFTER = 60.0  # seconds for which a record must be missing until it is gone for good
THERE = "there"  # in a memo: inputs that were brought over
LOOKED_AT_ALONE = 5  # runs that one poll asks for by their id, because the list lacks them


class TheCrossProduct:
    """One account. A run carries its key as a tag, and has a folder of that name in the storage."""

    def __init__(self, name: str, session: Session, storage: Storage, options: Options) -> None:
        self.name = name
        self.session = session
        self.storage = storage
        self._root = options.folder
        self._stager = Stager(session, storage)
        self._outputs = Outputs(session, storage, options.folder)
        self._schemas: dict[str, tuple[float, dict[str, JsonValue]]] = {}
        self._gone: dict[str, float] = {}  # keys of runs whose record is missing, since when
        self._canary: tuple[str, str] | None = None  # key and id of a run that was seen listed
        self.traits = Traits(
            absence_window=options.absence_after.total_seconds(),
            poll_batch=POLL_BATCH,
            exit_codes=False,
        )

    async def stage(self, run: Run, step: StageStep) -> Staged | Begun:
        """Bring one input into the run's folder, after a look at what the app takes."""
        wanted = references(RunTable.model_validate(run.options).inputs)
        if step.among is not None:
            _refuse_missing(wanted - set(step.among))
        if "@" in step.name:
            raise RejectedError(
                f"input {step.name!r}: the service takes what stands before an @ for the name of a"
                " group; give it another name in [inputs]",
                effect="none",
            )
        await self._check(run)
        staged = await self._stager.stage(
            run.memo, input_uri(self._root, run, step.name), step.source
        )
        there = _there(run)
        if isinstance(staged, Begun):
            return Begun({**staged.memo, THERE: there})
        return replace(
            staged, memo={THERE: [name for name in sorted(wanted) if name in {*there, step.name}]}
        )

    async def submit(self, run: Run) -> Submitted:
        """Start the run, with its key as a tag and an output prefix that is its alone."""
        table = RunTable.model_validate(run.options)
        _refuse_missing(references(table.inputs).difference(map(str, _there(run))))
        inputs = await self._check(run)
        try:
            id_ = await apps.run(
                self.session,
                table.app,
                inputs,
                tags=[run.key, *table.tags],
                output_prefix=output_prefix(self._root, run),
                pool=table.pool,
            )
        except RejectedError:
            self._schemas.pop(table.app, None)  # what we know of it may have changed
            raise
        return Submitted(id_)

    async def find(self, run: Run) -> Finding:
        """Look for the key among the tags; a run that is known to be there must show as well."""
        canary = self._canary
        tags: JsonValue = [run.key] if canary is None else [run.key, canary[0]]
        listed = await apps.processes_told(
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
            if await apps.process(self.session, canary[1], Use.SUBMIT) is not None:
                return Unclear(f"the list does not show process {canary[1]}, which is there")
            self._canary = None  # somebody erased it
        return Absent(f"no process has the tag {run.key}")

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask for all runs by one list; for what it lacks by its id."""
        if not runs:
            return {}
        keys: JsonValue = [run.key for run in runs]
        listed = await apps.processes(
            self.session, Use.POLL, tags_intersects=keys, items_per_page=100
        )
        by_id = {process.id: process for process in listed}
        answers: dict[str, Answer] = {}
        alone = 0
        for run in runs:
            process = by_id.get(run.remote_id or "")
            if process is not None:
                self._gone.pop(run.key, None)
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
        id_ = _id(run)
        if await self._is_ours(run, id_, Use.CANCEL):
            await apps.stop(self.session, [id_], Use.CANCEL, keep=True)

    async def sync(self, run: Run) -> None:
        """Do nothing: the service shows outputs when they were uploaded, at the end of a run."""

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
        self._gone.pop(run.key, None)
        await self._stager.abort(run.memo)
        remove = RunTable.model_validate(run.options).remove
        if not run.stored or remove == "nothing":
            return
        await data.remove(self.session, folder(self._root, run), Use.TRANSFER)
        if remove == "all" and run.remote_id is not None:
            if self._canary is not None and self._canary[1] == run.remote_id:
                self._canary = None
            if await self._is_ours(run, run.remote_id, Use.TRANSFER):
                await apps.stop(self.session, [run.remote_id], Use.TRANSFER, keep=False)

    async def _is_ours(self, run: Run, id_: str, use: Use) -> bool:
        """Whether a process is there; raise RejectedError when it is somebody else's.

        A person may have adopted the wrong one: it must not be ended, or its record erased.
        """
        process = await apps.process(self.session, id_, use)
        if process is not None and process.tags is not None and run.key not in process.tags:
            raise RejectedError(
                f"process {id_} does not carry the tag {run.key}: it is left alone", effect="none"
            )
        return process is not None

    async def _check(self, run: Run) -> Mapping[str, JsonValue]:
        """Return the inputs as they are sent, held against what the app takes."""
        table = RunTable.model_validate(run.options)
        asked, schema = self._schemas.get(table.app, (-inf, {}))
        if monotonic() - asked >= SCHEMA_LIVES:
            schema = inputs_of(await apps.inputs_schema(self.session, table.app, Use.SUBMIT))
            self._schemas[table.app] = (monotonic(), schema)
        inputs = resolved(table.inputs, self._root, run)
        check(self.name, table.app, schema, inputs)
        return inputs

    async def _confirm(self, run: Run, id_: str) -> Finding:
        """Ask for a listed process by its id: a list that mixes ids up must not be believed."""
        process = await apps.process(self.session, id_, Use.SUBMIT)
        if process is None or run.key not in (process.tags or ()):
            return Unclear(f"process {id_} is listed with the tag {run.key}, but not there")
        return Found(id_, f"a process with the tag {run.key}")

    async def _look_at(self, run: Run, id_: str) -> Answer:
        """Ask for one run by its id. What the list told of others is not lost with it."""
        try:
            process = await apps.process(self.session, id_, Use.POLL)
        except BackendError as error:
            return NoAnswer(str(error))
        if process is not None:
            self._gone.pop(run.key, None)
            return _answer(run, process)
        now = monotonic()
        since = self._gone.setdefault(run.key, now)
        text = f"the service has no process {id_}, neither listed nor by its id"
        if now - since < GONE_AFTER:
            return NoAnswer(f"{text}; it is looked for again")
        return Lost(f"{text}, for {now - since:.0f} s")


def _answer(run: Run, process: Process) -> Answer:
    if process.tags is not None and run.key not in process.tags:
        return NoAnswer(f"process {process.id} does not carry the tag {run.key}")
    return judge(process, stopping=run.stopping)


def _there(run: Run) -> list[JsonValue]:
    """Return the names of the inputs that a spec refers to and that were brought over."""
    names = run.memo.get(THERE)
    return names if isinstance(names, list) else []


def _refuse_missing(names: set[str]) -> None:
    if names:
        listed = ", ".join(map(value_text, sorted(names)))
        raise RejectedError(
            f"`inputs` refers to what is no input of this job: {listed}; name it in [inputs], or"
            " drop it beside the job file",
            effect="none",
        )


def _id(run: Run) -> str:
    if run.remote_id is None:
        raise RejectedError("the run has no id at the service", effect="none")
    return run.remote_id
