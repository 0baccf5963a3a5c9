"""What people can do with a cluster beside running jobs: `orchestrator remote NAME VERB`."""

import os
from collections.abc import Sequence
from getpass import getuser

from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import BackendError, Diagnosis, RejectedError, Verb
from orchestrator.backends.http import Use
from orchestrator.backends.slurm.backend import Slurm
from orchestrator.backends.slurm.states import told
from orchestrator.backends.slurm.values import Job
from orchestrator.document import value_text


async def _partitions(backend: Slurm) -> JsonValue:
    return [
        {
            "partition": one.name + ("*" if one.is_default else ""),
            "state": one.state,
            "minutes": one.time,
            "nodes": one.nodes,
            "processors": one.cpus,
            "accounts": None if one.accounts is None else ",".join(sorted(one.accounts)),
            "qos": None if one.qos is None else ",".join(sorted(one.qos)),
        }
        for one in await backend.way.partitions(Use.ASK)
    ]


async def _queue(backend: Slurm) -> JsonValue:
    return [_row(job) for job in await backend.way.jobs(Use.ASK)]


async def _past(backend: Slurm, job: str) -> JsonValue:
    found = await backend.way.past(Use.ASK, ids=[_number(job)])
    if found is None:
        raise RejectedError("the cluster keeps no accounting", effect="none")
    return [_row(one) | {"exit_code": one.code, "signal": one.signal} for one in found]


async def _cancel(backend: Slurm, job: str) -> JsonValue:
    await backend.way.cancel(_number(job))
    return f"job {job} was asked to end, if it had not"


def _row(job: Job) -> dict[str, JsonValue]:
    return {
        "job": job.run,
        "task": job.task,
        "name": job.name,
        "state": told(job),
        "comment": job.comment,
    }


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 10:  # noqa: PLR2004 - no number of Slurm's is longer
        shown = f"JOB is the number of a job, as `queue` shows it, not {value_text(text)}"
        raise RejectedError(shown, effect="none")
    return int(text)


VERBS = {
    "partitions": Verb("What the cluster offers; * marks the default.", _partitions),
    "queue": Verb("The jobs that the controller knows.", _queue),
    "past": Verb("What accounting knows of a job.", _past, ("JOB",)),
    "cancel": Verb(
        "End a job.", _cancel, ("JOB",), warning="the job is ended, whatever it has done so far"
    ),
}


async def examine(backend: Slurm) -> Sequence[Diagnosis]:
    """Look at the cluster and at the shared folder, for `doctor`."""
    lines = await run_sync(_of_folder, backend.options.directory)
    try:
        lines.append(Diagnosis("ok", await backend.way.version(Use.ASK)))
        offer = await backend.way.partitions(Use.ASK)
        up = [one.name for one in offer if one.state.upper().startswith("UP")]
        if up:
            lines.append(Diagnosis("ok", f"partitions that are up: {', '.join(up)}"))
        else:
            lines.append(Diagnosis("warning", "no partition is up", "jobs wait until one is"))
        if await backend.way.past(Use.ASK, name="orchestrator") is None:
            text = "the cluster keeps no accounting"
            advice = "how a job ended is then known by its files, and for MinJobAge by Slurm"
            lines.append(Diagnosis("warning", text, advice))
    except BackendError as error:
        advice = "check `rest`" if backend.options.rest else "check `conf`; is this a submit host?"
        lines.append(Diagnosis("problem", str(error), advice))
    rest = backend.options.rest
    if rest is not None and rest.user not in {None, getuser()}:
        text = f"runs are made as {rest.user}, and folders as {getuser()}"
        advice = "let the daemon be that user: a job must be able to write into its run's folder"
        lines.append(Diagnosis("problem", text, advice))
    return lines


def _of_folder(directory: str) -> list[Diagnosis]:
    if os.access(directory, os.R_OK | os.W_OK | os.X_OK):
        return [Diagnosis("ok", f"the shared folder {directory} can be used")]
    advice = "make it, on a file system that all nodes have mounted at the same path"
    return [Diagnosis("problem", f"the folder {directory} cannot be used", advice)]
