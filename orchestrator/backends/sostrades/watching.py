"""Follow a calculation: what its study, its log and its values say."""

from orchestrator.backend import Alive, Answer, Finished, Lost, NoAnswer, RejectedError, Run, Stuck
from orchestrator.backends.http import Use
from orchestrator.backends.sostrades import logs
from orchestrator.backends.sostrades.holding import look
from orchestrator.backends.sostrades.logs import Log
from orchestrator.backends.sostrades.model import Options, RunTable
from orchestrator.backends.sostrades.naming import execution_of, study_of
from orchestrator.backends.sostrades.replies import Status
from orchestrator.backends.sostrades.service import Service
from orchestrator.backends.sostrades.status import State
from orchestrator.backends.sostrades.submitting import Progress

ENDED = {
    "STOPPED": "somebody stopped it in the service's web interface",
    "POD ERROR": "POD ERROR: what the server had it calculated on has failed",
}


async def answer(service: Service, options: Options, run: Run) -> Answer:
    """Say how a run stands. Raises the five errors."""
    try:
        ours = execution_of(run)
    except RejectedError as error:
        wrong = "if it was adopted by mistake: hold the job, then retry --i-checked"
        return NoAnswer(f"{error}; {wrong}")
    study = study_of(run)
    status = await service.status(study, Use.POLL)
    log = await service.log(study, Use.POLL)
    if log is None or log.execution < ours:
        return NoAnswer(f"study {study} shows no execution {ours} (yet)")
    if log.execution > ours:
        return Lost(
            f"study {study} was executed again by somebody: execution {log.execution} took the"
            f" place of ours ({ours}), with its results"
        )
    match status.state:
        case State.FINISHED:
            return await _finished(service, run)
        case State.FAILED:
            return await _failed(service, status)
    return _told(status, log, options.stuck_after.total_seconds())


def _told(status: Status, log: Log, stuck_after: float) -> Answer:
    """Say what a status means that says enough by itself."""
    match status.state:
        case State.BUSY:
            return _busy(status, log, stuck_after)
        case State.EDITED if log.size == 0:
            # It has not begun, and our own change may still be stored: what it takes is seen later.
            return _busy(status, log, stuck_after)
        case State.STOPPED:
            said = (status.message or "").strip()
            reason = ENDED.get(status.word, status.word) + (f": {said}" if said else "")
            by_hand = status.word == "STOPPED"
            return Finished(ok=False, stopped="cancel" if by_hand else None, reason=reason)
        case State.EDITED:
            return Lost(
                f"somebody changed study {log.study} while it was calculated, or after: the"
                " service has thrown the results away"
            )
    return NoAnswer(f"study {log.study} is {status.word!r}, which is not known here")


def _busy(status: Status, log: Log, stuck_after: float) -> Answer:
    if log.still_for is None or log.still_for < stuck_after:
        return Alive(status.word)
    return Stuck(
        f"study {log.study} is {status.word}, but the log of execution {log.execution} has not"
        f" moved for {log.still_for / 3600:.1f} h (stuck_after), at {log.size} bytes: its process"
        " may be dead, which the service does not notice"
    )


async def _finished(service: Service, run: Run) -> Answer:
    """Say what a finished calculation is: ours when it was made of our values.

    Somebody may have changed one before it took them.
    """
    table = RunTable.model_validate(run.options)
    seen = Progress.model_validate(run.memo).tables
    shown = await look(service, table, Use.POLL, sent={}, seen=seen)
    if shown.unread:
        return NoAnswer(f"study {table.study} has finished, but {shown.fault}")
    if shown.fault is not None:
        return Lost(
            f"study {table.study} has finished, but not with this job's values: {shown.fault}; it"
            " was changed by somebody, or by the calculation itself (a start value of a coupling)"
        )
    return Finished(ok=True, reason="finished, with all values as they were sent")


async def _failed(service: Service, status: Status) -> Answer:
    """Say what a failure is: one that no exception explains is not to be relied on.

    Somebody's attempt to execute the study meanwhile marks the one that runs as failed, too.
    """
    _, tail = await service.log_tail(status.study, Use.POLL)
    cause = logs.cause(tail) or (status.message or "").strip()
    if cause:
        return Finished(ok=False, reason=f"{status.word}: {cause}")
    return Lost(
        f"study {status.study} is {status.word}, and nothing in its log says why: probably"
        " somebody asked for another execution while this one ran, which the service answers so"
    )
