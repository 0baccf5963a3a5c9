"""Submit once: the intent is committed before the call, and a doubtful outcome is looked for."""

from collections.abc import Mapping
from dataclasses import replace

import anyio

from orchestrator.backend import (
    Absent,
    BackendError,
    Begun,
    Found,
    Input,
    RejectedError,
    Several,
    Submitted,
)
from orchestrator.core import decide
from orchestrator.core.lifecycle import Event
from orchestrator.core.pacing import FASTEST_POLL, submit_limit
from orchestrator.core.work import Change, Work
from orchestrator.engine.inputs import staged
from orchestrator.engine.tools import Tools, as_run, call_limit


async def submit(tools: Tools, work: Work) -> None:
    """Commit the intent, then make the one call that may start the run."""
    inputs: Mapping[str, Input] = {}
    if tools.backend(work).traits.inputs_at_submit:
        there = await staged(tools, work)
        if there is None:
            return
        inputs = there
    intent = Change(
        event=Event.STAGED,
        reason="all inputs are there",
        due=tools.now().steady,
        tries=work.tries,  # it may not be the first try
    )
    work = await tools.move_on(work, intent)
    if decide.unwanted(work, tools.now()) is not None:  # that came while the intent was written
        why = "not sent: it is not wanted any more"
        unsent = Change(event=Event.NOT_SENT, reason=why, due=tools.now().steady, tries=work.tries)
        await tools.move(work, unsent)
        return
    size = sum(one.size for one in inputs.values())
    limit = submit_limit(size, tools.backend(work).traits.answers_within)
    answer = await _call(tools, work, inputs, limit)
    if isinstance(answer, Submitted):
        change = Change(
            event=Event.ACCEPTED,
            reason="accepted by the backend",
            due=_first_poll(tools, work),
            remote_id=answer.remote_id,
            memo=answer.memo,
            started=tools.now().steady,
        )
    elif isinstance(answer, Begun):  # proof like any other that nothing was started
        change = Change(
            event=Event.NOT_SENT,
            reason="set up over there, and not started yet",
            due=tools.now().steady,
            tries=work.tries,
            memo=answer.memo,
        )
    elif answer is None:
        change = decide.doubt(work, f"no answer within {limit:.0f} s", tools.now())
    elif answer.effect == "possible":
        change = decide.doubt(work, str(answer), tools.now())
    elif isinstance(answer, RejectedError):
        change = decide.refuse(work, str(answer), tools.now())
    else:
        change = replace(tools.later(work, Event.NOT_SENT, answer), reason=f"not sent: {answer}")
    await tools.move(work, change)


async def _call(
    tools: Tools, work: Work, inputs: Mapping[str, Input], limit: float
) -> Submitted | Begun | BackendError | None:
    """Make the call, unbroken by our own shutdown; None when it takes too long."""
    with anyio.move_on_after(limit, shield=True):
        try:
            return await tools.backend(work).submit(replace(as_run(work), inputs=inputs))
        except BackendError as error:
            return error
        except Exception as error:  # a fault in the backend's code: it may have sent something
            tools.log.exception("submit failed", key=work.key)
            return BackendError(f"internal error: {type(error).__name__}")
    return None


async def doubt(tools: Tools, work: Work) -> None:
    """A run found at rest in the middle of its submit: nothing was written of how it went."""
    why = "the submit was cut short here"
    await tools.move(work, decide.doubt(work, why, tools.now()))


async def find(tools: Tools, work: Work) -> None:
    """Look for the key of a run whose submit had a doubtful outcome."""
    asked = tools.now()
    try:
        with anyio.fail_after(call_limit(tools.backend(work))):
            finding = await tools.backend(work).find(as_run(work))
    except (BackendError, TimeoutError) as error:
        # No answer is no reason to ask a person: an outage ends by itself.
        await tools.move(work, tools.later(work, Event.UNCLEAR, error))
        return
    now = tools.now()
    if isinstance(finding, Found):
        change = Change(
            event=Event.FOUND,
            reason=f"found again: {finding.evidence}",
            due=_first_poll(tools, work),
            remote_id=finding.remote_id,
            memo=finding.memo,
            started=now.steady,
        )
    elif isinstance(finding, Absent):
        window = 0.0 if finding.proved else tools.backend(work).traits.absence_window
        # As of the question: the answer may be long on its way, and proves nothing after it left.
        change = decide.absent(work, finding.evidence, window, asked, tools.u())
    elif isinstance(finding, Several):
        change = decide.several(work, finding.remote_ids, now)
    else:
        change = decide.unclear(work, finding.why, now, tools.u())
    await tools.move(work, change)


def _first_poll(tools: Tools, work: Work) -> float:
    """At once where the backend calls us: its call may have come before the run was written."""
    hints = tools.backend(work).traits.hints
    return tools.now().steady + (0.0 if hints else FASTEST_POLL)
