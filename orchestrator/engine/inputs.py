"""The inputs of a run on this machine: where they lie, and whether they are as they were taken."""

import os
import stat
from collections.abc import Mapping
from errno import EACCES, EINVAL, ESTALE
from functools import partial
from pathlib import Path

from orchestrator.backend import Input
from orchestrator.core.lifecycle import Event
from orchestrator.core.work import Change, Hold, Work
from orchestrator.engine.tools import Tools
from orchestrator.store import look
from orchestrator.store.look import InputRow, Step


async def staged(tools: Tools, work: Work) -> dict[str, Input] | None:
    """Return the staged inputs for a submit that sends them; None when the run was held instead.

    Each must still be the file that was staged, by its size and modification time.
    """
    accepted = await tools.db.read(look.inputs, work.job)
    found = {}
    for step in await tools.db.read(look.steps, work.run, "stage"):
        try:
            found[step.name] = await tools.in_thread(partial(_same, tools, work, accepted, step))
        except OSError as error:
            why = f"input {step.name!r} ({error.filename}) {error.strerror}"
            await hold(tools, work, why)
            return None
    return found


def _same(tools: Tools, work: Work, accepted: Mapping[str, InputRow], step: Step) -> Input:
    """Return an input that is as it was when it was staged. Raises OSError that names the file."""
    one = accepted[step.name]
    path = Path(one.source)
    try:
        path = locate(tools, work, one)
        now = fingerprint(path)
    except OSError as error:
        raise OSError(error.errno, f"cannot be read: {error.strerror}", str(path)) from None
    if now != (one.size, one.mtime_ns) or step.size is None or step.sha256 is None:
        raise OSError(ESTALE, "changed after the job was taken", str(path))
    return Input(path, step.size, step.sha256)


async def hold(tools: Tools, work: Work, why: str) -> None:
    """Hold a run for what is wrong with one of its inputs, until a person has put it right."""
    reason = f"{why}; put it back and release, or retry to take it as it is now"
    change = Change(
        event=Event.STAGE_STEP,
        reason=work.reason,
        due=tools.now().steady,
        error=why,
        hold=Hold("input", reason),
    )
    await tools.move(work, change)


def locate(tools: Tools, work: Work, accepted: InputRow) -> Path:
    """Return where an input lies: a crash may have left a dropped folder where it was claimed."""
    if not accepted.taken:
        path = Path(accepted.source)
        if path.resolve().is_relative_to(tools.home.state.resolve()):
            # To open the queue's database there, even to read, would break its locks.
            raise OSError(EACCES, "it leads into the daemon's own folder")
        return path
    for place in (tools.home.archive, tools.home.claimed):
        for folder in sorted((place / work.job).glob("*")):
            if (folder / accepted.source).exists():
                return folder / accepted.source
    return tools.home.archive / work.job / accepted.source


def fingerprint(path: Path) -> tuple[int, int]:
    """Return size and modification time of a regular file. Raises OSError."""
    found = os.stat(path)  # noqa: PTH116 - errors are to carry the path as it is
    if not stat.S_ISREG(found.st_mode):
        raise OSError(EINVAL, "it is not a regular file")
    return found.st_size, found.st_mtime_ns
