"""Questions about a live run, asked beside the verbs of its backend: what it has left so far."""

import os
import stat
from collections.abc import Awaitable, Callable
from dataclasses import asdict

import anyio
from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import Backend, RejectedError, TransientError
from orchestrator.core.work import Work
from orchestrator.engine.glance import glance, listed, told_apart
from orchestrator.engine.tools import as_run, call_limit

SYNC = ":sync"
"""Has what a run has left brought to light; tells what was shown before."""
SHOWN = ":shown"
"""Tells what is shown, as a text that differs when that differs."""
FETCH = ":fetch"
"""Copies what is shown into a folder that comes along."""
LOOKS = (SYNC, SHOWN, FETCH)
"""No verb of a service is called so. The one word of each is the id of a run."""

ReadRun = Callable[[str], Awaitable[Work | None]]
"""Returns the run that is under way with an id, None if there is none."""


async def look(
    verb: str, backend: Backend, work: Work | None, folder: int | None, keep_free: int
) -> JsonValue:
    """Answer one of LOOKS. Raises the five errors."""
    if work is None:
        raise RejectedError("the run is not under way, or not any more", effect="none")
    run = as_run(work)
    if verb == FETCH:
        found = await glance(
            backend, run, _checked(folder), in_thread=run_sync, keep_free=keep_free
        )
        return asdict(found)
    within = backend.traits.visible_after
    if verb == SHOWN:
        return {"shown": told_apart(await listed(backend, run)), "within": within}
    # Where it can be seen at any time, or never, there is nothing to wait for.
    before = told_apart(await listed(backend, run)) if within else ""
    try:
        with anyio.fail_after(call_limit(backend)):
            await backend.sync(run)
    except TimeoutError:
        raise TransientError("the service did not answer in time") from None
    return {"shown": before, "within": within}


def _checked(folder: int | None) -> int:
    """Refuse what is no folder of this user's. Raises RejectedError."""
    if folder is None:
        raise RejectedError("a look needs a folder for what it brings", effect="none")
    status = os.fstat(folder)
    if not stat.S_ISDIR(status.st_mode):
        raise RejectedError("a look needs a folder, and got something else", effect="none")
    if status.st_uid != os.geteuid():
        raise RejectedError("the folder belongs to another user than the daemon", effect="none")
    return folder
