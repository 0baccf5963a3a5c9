"""Follow runs until the backend reports an end; stop those that are to be stopped."""

from collections.abc import Mapping, Sequence

import anyio

from orchestrator.backend import Alive, Answer, BackendError, Finished, Lost, NoAnswer
from orchestrator.core import decide
from orchestrator.core.lifecycle import Event
from orchestrator.core.work import Change, Work
from orchestrator.engine.tools import CALL_LIMIT, Tools, as_run


async def watch(tools: Tools, works: Sequence[Work]) -> None:
    """Ask once how all these runs of one backend stand, and write each answer."""
    asked = [await _stop_if_due(tools, work) for work in works]
    answers = await _ask(tools, asked)
    silent = NoAnswer("the backend did not mention it")
    await tools.move_each(
        [(work, _judge(tools, work, answers.get(work.key, silent))) for work in asked]
    )


async def _stop_if_due(tools: Tools, work: Work) -> Work:
    """Ask for the run's end where that is due; the wish is committed before the call."""
    now = tools.now()
    keeps = tools.backend(work).traits.keeps_time_limit
    cause = work.stop or decide.stop_due(work, now, keeps_time_limit=keeps)
    if cause is None:
        return work
    if work.stop is None:
        change = Change(event=Event.STOPPING, reason=work.reason, due=now.steady, stop=cause)
        work = await tools.move_on(work, change)
    try:
        with anyio.fail_after(CALL_LIMIT):
            await tools.backend(work).cancel(as_run(work))
    except (BackendError, TimeoutError) as error:
        # Only a poll tells whether it ended; the wish stays and is sent again at the next look.
        tools.log.warning("the stop was not taken", key=work.key, error=str(error))
    return work


async def _ask(tools: Tools, works: Sequence[Work]) -> Mapping[str, Answer]:
    backend = tools.backend(works[0])
    try:
        with anyio.fail_after(CALL_LIMIT):
            return await backend.poll([as_run(work) for work in works])
    except BackendError as error:
        why = NoAnswer(str(error))
    except TimeoutError:
        why = NoAnswer("no answer in time")
    return {work.key: why for work in works}


def _judge(tools: Tools, work: Work, answer: Answer) -> Change:
    now, u = tools.now(), tools.u()
    match answer:
        case Alive():
            hints = tools.backend(work).traits.hints
            return decide.alive(work, answer.detail, now, u, hints=hints)
        case Finished():
            return decide.finished(
                work,
                ok=answer.ok,
                why=answer.reason,
                exit_code=answer.exit_code,
                stopped=answer.stopped,
                now=now,
            )
        case Lost():
            return decide.lost(work, answer.evidence, now)
        case NoAnswer():
            return decide.later(work, Event.ALIVE, answer.why, now, u)
