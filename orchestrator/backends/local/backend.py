"""The verbs of the seam, for processes on this machine."""

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import anyio.to_thread
from pydantic import ValidationError

from orchestrator.backend import (
    Absent,
    Alive,
    Answer,
    BackendError,
    Context,
    Finding,
    Found,
    NoAnswer,
    Output,
    RejectedError,
    Run,
    Staged,
    StageStep,
    Stream,
    Submitted,
    Traits,
    Unclear,
)
from orchestrator.backends.local import folder, outputs, removing, staging, standing
from orchestrator.backends.local.command import arguments, environment
from orchestrator.backends.local.link import Link
from orchestrator.backends.local.model import Options, RunTable
from orchestrator.backends.supervisor import files

TRAITS = Traits(
    absence_window=0.0, poll_batch=1000, hints=True, keeps_time_limit=True, visible_after=0.0
)


class LocalBackend:
    """Runs in one folder, kept by one supervisor. See `orchestrator.backends.supervisor`."""

    def __init__(self, context: Context, options: Options, link: Link, runs: int) -> None:
        self._context = context
        self._options = options
        self._link = link
        self._runs = runs

    @property
    def traits(self) -> Traits:
        """The supervisor starts a key once, so absence is proved by asking it."""
        return TRAITS

    async def stage(self, run: Run, step: StageStep) -> Staged:
        """Copy one input into the run's directory."""
        return await anyio.to_thread.run_sync(
            staging.stage, self._runs, run.key, step.name, step.source
        )

    async def submit(self, run: Run) -> Submitted:
        """Have the supervisor start the run, unless it ever did."""
        try:
            table = RunTable.model_validate(run.options)
        except ValidationError as error:
            raise RejectedError(f"the [run] table is wrong: {error}", effect="none") from None

        def prepared() -> dict[str, object]:
            env = environment(run, table, os.environ, self._context.secret)
            folder.prepare(self._runs, run.key, table.cwd, table.script)
            script = str(self._context.directory / "runs" / run.key / folder.SCRIPT)
            return {"argv": arguments(table, script), "env": env}

        order = {
            "key": run.key,
            **await anyio.to_thread.run_sync(prepared),
            "cwd": f"{files.WORK}/{table.cwd}",
            "time_limit": run.time_limit,
            "grace": self._options.stop_grace.total_seconds(),
        }
        await self._link.ask("start", order=order)
        return Submitted(remote_id=run.key)

    async def find(self, run: Run) -> Finding:
        """Ask the supervisor first: after its answer, nothing sent earlier can still happen."""
        kept, trouble = await self._kept([run.key])
        if run.key in kept:
            return Found(run.key, kept[run.key])
        try:
            if await anyio.to_thread.run_sync(folder.was_started, self._runs, run.key):
                return Found(run.key, "its folder says that it was started")
        except OSError as error:
            return Unclear(f"its folder cannot be read: {error.strerror}")
        if trouble:
            return Unclear(trouble)
        return Absent("the supervisor does not know it, and its folder has no trace of a start")

    async def poll(self, runs: Sequence[Run]) -> Mapping[str, Answer]:
        """Ask the supervisor; read the files of those it does not keep."""
        keys = [run.key for run in runs]
        kept, trouble = await self._kept(keys)
        self._link.watch(kept)
        answers: dict[str, Answer] = {key: Alive(detail) for key, detail in kept.items()}
        if others := [key for key in keys if key not in kept]:
            read, overdue = await anyio.to_thread.run_sync(self._read, others, trouble)
            answers |= read
            for key in overdue:  # their supervisor died, and their timers with it
                with contextlib.suppress(BackendError):  # the next poll tries again
                    await self._stop(key, "time_limit")
        return answers

    async def cancel(self, run: Run) -> None:
        """Have the supervisor stop everything of the run, whoever kept it."""
        await self._stop(run.key, "cancel")

    async def sync(self, run: Run) -> None:
        """Do nothing: the files of a run can be seen at any time."""

    async def list_outputs(self, run: Run) -> Sequence[Output]:
        """List the logs and the files the spec asks for."""
        return await anyio.to_thread.run_sync(outputs.list_outputs, self._runs, run)

    def open_output(self, run: Run, output: Output, offset: int) -> AbstractContextManager[Stream]:
        """Open one output for reading."""
        return outputs.open_output(self._runs, run.key, output, offset)

    async def forget(self, run: Run) -> None:
        """Remove the run's folder."""
        await anyio.to_thread.run_sync(removing.remove, self._runs, run.key)

    async def _stop(self, key: str, cause: str) -> None:
        grace = self._options.stop_grace.total_seconds()
        await self._link.ask("stop", key=key, cause=cause, grace=grace)

    async def _kept(self, keys: list[str]) -> tuple[dict[str, str], str]:
        """Return how the supervisor says runs stand, or nothing and why it cannot be asked."""
        try:
            return await self._link.ask("status", keys=keys), ""
        except BackendError as error:
            return {}, str(error)

    def _read(self, keys: Sequence[str], trouble: str) -> tuple[dict[str, Answer], list[str]]:
        """Read from the disk how runs stand that are not kept; say which are past their limit."""
        answers: dict[str, Answer] = {}
        overdue = []
        for key in keys:
            try:
                with folder.opened(key, self._runs) as opened:
                    answer = standing.recorded(opened)
                    if answer is None and trouble:
                        answer = NoAnswer(trouble)  # a supervisor may keep it all the same
                    answers[key] = answer or standing.orphaned(key, opened)
                    alive = isinstance(answers[key], Alive)
                    if alive and standing.overdue(opened, time.monotonic()):
                        overdue.append(key)
            except FileNotFoundError:
                answers[key] = NoAnswer(trouble) if trouble else standing.vanished(key)
            except OSError as error:
                answers[key] = NoAnswer(f"its folder cannot be read: {error.strerror}")
        return answers, overdue
