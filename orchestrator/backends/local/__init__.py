"""The kind `local`: runs are processes on this machine. It needs no account."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import anyio.to_thread

from orchestrator.backend import Backend, Context, Kind
from orchestrator.backends.local.backend import LocalBackend
from orchestrator.backends.local.folder import made
from orchestrator.backends.local.link import Link
from orchestrator.backends.local.model import Options, RunTable
from orchestrator.backends.local.removing import remove_leftovers
from orchestrator.backends.supervisor.files import FOLDER


@asynccontextmanager
async def open_local(context: Context, options: Options) -> AsyncIterator[Backend]:
    """Open the runs of one folder; closing it leaves them running, kept by their supervisor.

    Raises OSError when the folder cannot be used.
    """
    directory = os.open(context.directory, FOLDER)
    try:
        with made("runs", directory, synced=True) as runs:
            await anyio.to_thread.run_sync(remove_leftovers, runs)
            async with anyio.create_task_group() as tasks:
                link = Link(directory, tasks, context.hint)
                yield LocalBackend(context, options, link, runs)
                tasks.cancel_scope.cancel()
    finally:
        os.close(directory)


def max_runs(options: Options) -> int:
    """Return how many runs may be live at once."""
    return options.max_runs or len(os.sched_getaffinity(0))


KIND = Kind(
    name="local",
    summary="processes on this machine",
    options=Options,
    run=RunTable,
    open=open_local,
    max_runs=max_runs,
)
