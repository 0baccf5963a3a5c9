"""Follow runs until the backend reports an end; stop those that are to be stopped."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import anyio

from orchestrator.backend import (
    Alive,
    Answer,
    BackendError,
    Finished,
    Lost,
    NoAnswer,
    Stuck,
    TransientError,
)
from orchestrator.core import decide
from orchestrator.core.lifecycle import Event
from orchestrator.core.work import Change, Work
from orchestrator.engine.tools import CallError, Tools, all_of, as_run, call_limit


async def watch(tools: Tools, works: Sequence[Work]) -> None:
    """Ask once how all these runs of one backend stand, and write each answer."""
    asked = await all_of(_stop_if_due(tools, work) for work in works)
    if not asked:
        return
    try:
        with anyio.fail_after(call_limit(tools.backend(works[0]))):
            answers = await tools.backend(works[0]).poll([as_run(one.work) for one in asked])
    except (BackendError, TimeoutError) as error:
        changes = [(one.work, _silent(tools, one, error)) for one in asked]
    else:
        changes = [(one.work, _judge(tools, one, answers.get(one.work.key))) for one in asked]
    await tools.move_each(changes)


class Asked(NamedTuple):
    """A run to poll, and why its stop was not taken just now, if so."""

    work: Work
    refused: tuple[CallError, ...] = ()


async def _stop_if_due(tools: Tools, work: Work) -> Asked:
    """Ask for the run's end where that is due; the wish is committed before the call."""
    now = tools.now()
    keeps = tools.backend(work).traits.keeps_time_limit
    cause = work.stop or decide.stop_due(work, now, keeps_time_limit=keeps)
    if cause is None:
        return Asked(work)
    if work.stop is None:
        change = Change(
            event=Event.STOPPING, reason=work.reason, due=now.steady, tries=work.tries, stop=cause
        )
        work = await tools.move_on(work, change)
    try:
        with anyio.fail_after(call_limit(tools.backend(work))):
            await tools.backend(work).cancel(as_run(work))
    except (BackendError, TimeoutError) as error:
        # Only a poll tells whether it ended; the wish stays and is sent again at the next look.
        return Asked(work, (error,))
    return Asked(work)


def _judge(tools: Tools, asked: Asked, answer: Answer | None) -> Change:
    work, now = asked.work, tools.now()
    match answer:
        case Alive():
            return _goes_on(tools, asked, answer.detail)
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
        case Stuck():
            return decide.stuck(work, answer.evidence, now)
        case NoAnswer():
            return _silent(tools, asked, TransientError(answer.why))
        case None:
            return _silent(tools, asked, TransientError("the backend did not mention it"))


def _goes_on(tools: Tools, asked: Asked, detail: str) -> Change:
    work, it = asked.work, tools.backend(asked.work).traits
    if not asked.refused:
        now, u = tools.now(), tools.u()
        return decide.alive(work, detail, now, u, hints=it.hints, within=it.poll_within)
    if it.stops:
        return tools.later(work, Event.ALIVE, *asked.refused)
    how = "; ".join(str(error) for error in asked.refused)
    return decide.unstoppable(work, detail, how, due=_next_look(tools, work))


def _silent(tools: Tools, asked: Asked, error: CallError) -> Change:
    """No answer: the run stays as it is, and is looked at no sooner than after a good one."""
    work = asked.work
    change = tools.later(work, Event.ALIVE, *asked.refused, error)
    return replace(change, due=max(change.due, _next_look(tools, work)))


def _next_look(tools: Tools, work: Work) -> float:
    it = tools.backend(work).traits
    return decide.next_poll(work, tools.now(), tools.u(), hints=it.hints, within=it.poll_within)
