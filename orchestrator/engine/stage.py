"""Bring the inputs over, one step at a time; then commit the intent and submit."""

from pathlib import Path

import anyio

from orchestrator.backend import BackendError, Begun, RejectedError, StageStep
from orchestrator.core import decide
from orchestrator.core.lifecycle import Event
from orchestrator.core.work import Change, Work
from orchestrator.engine.inputs import fingerprint, hold, locate
from orchestrator.engine.submit import submit
from orchestrator.engine.tools import Tools, as_run
from orchestrator.store import look, runs
from orchestrator.store.look import Step
from orchestrator.store.runs import Proof

STAGE_LIMIT = 3600.0  # seconds for one input, which may be large


async def stage(tools: Tools, work: Work) -> None:
    """Take the next staging step of a run, or submit it when all inputs are there."""
    now = tools.now()
    cause = decide.unwanted(work, now)
    if cause is not None:
        await tools.move(work, decide.drop(work, cause, now))
        return
    if work.unstaged == 0:
        await submit(tools, work)
        return
    await _bring(tools, work, await tools.db.read(look.next_step, work.run, "stage"))


async def _bring(tools: Tools, work: Work, step: Step) -> None:
    """Bring one input over; it must be the file that was there at acceptance."""
    accepted_all = await tools.db.read(look.inputs, work.job)
    accepted = accepted_all[step.name]
    path = Path(accepted.source)
    try:
        path = await tools.in_thread(lambda: locate(tools, work, accepted))
        before = await tools.in_thread(lambda: fingerprint(path))
        if accepted.trusted and before != (accepted.size, accepted.mtime_ns):
            await hold(tools, work, f"input {step.name!r} ({path}) changed after the job was taken")
            return
        with anyio.fail_after(STAGE_LIMIT):
            one = StageStep(
                step.name,
                path,
                accepted_all.keys(),
                lambda name: locate(tools, work, accepted_all[name]),
            )
            staged = await tools.backend(work).stage(as_run(work), one)
        after = await tools.in_thread(lambda: fingerprint(path))
    except (BackendError, OSError) as error:
        if accepted.taken and await tools.in_thread(lambda: locate(tools, work, accepted)) != path:
            again = Change(event=Event.STAGE_STEP, reason=work.reason, due=tools.now().steady)
            await tools.move(work, again)  # its drop was archived meanwhile: it lies there now
        else:
            await _not_brought(tools, work, f"input {step.name!r} ({path})", error)
        return
    if isinstance(staged, Begun):  # its memo is kept; the next act goes on
        change = Change(
            event=Event.STAGE_STEP,
            reason=work.reason,
            due=tools.now().steady,
            tries=work.tries,
            memo=staged.memo,
        )
        await tools.move(work, change)
        return
    if after != before or staged.size != before[0]:
        await hold(tools, work, f"input {step.name!r} ({path}) changed while it was copied")
        return
    if not accepted.trusted:
        await tools.db.write(
            runs.pin_input, work.job, step.name, size=before[0], mtime_ns=before[1]
        )
    change = Change(
        event=Event.STAGE_STEP, reason=work.reason, due=tools.now().steady, memo=staged.memo
    )
    # In one transaction: a step that counts as done while its memo is lost could not be used.
    await tools.move(work, change, staged=Proof(step.n, staged.size, staged.sha256))


async def _not_brought(tools: Tools, work: Work, what: str, error: BackendError | OSError) -> None:
    match error:
        case RejectedError():
            await tools.move(work, decide.refuse(work, str(error), tools.now()))
        case BackendError() | TimeoutError():
            await tools.move(work, tools.later(work, Event.STAGE_STEP, error))
        case _:
            await hold(tools, work, f"{what} cannot be read: {error.strerror}")
