"""Look for an execution that was asked for without an answer."""

from orchestrator.backend import Absent, Finding, Found, Run, Unclear
from orchestrator.backends.http import Use
from orchestrator.backends.sostrades.holding import look
from orchestrator.backends.sostrades.model import RunTable
from orchestrator.backends.sostrades.naming import remote_id
from orchestrator.backends.sostrades.service import Service
from orchestrator.backends.sostrades.status import State
from orchestrator.backends.sostrades.submitting import Progress


async def find(service: Service, run: Run) -> Finding:
    """Say what the study shows of the execution.

    Until all values were read back nothing was asked for: that is proof. Afterwards, that there is
    no new execution proves nothing: a large study takes long to begin. A new one is ours where the
    study still shows every value of the job, and was not changed: whoever it was that executed it,
    it is the one calculation, and of the job's own values. All else is for a person to tell.
    """
    table = RunTable.model_validate(run.options)
    progress = Progress.model_validate(run.memo)
    if progress.before is None:
        return Absent("the study was being set up; its execution was not asked for", proved=True)
    study = table.study
    status = await service.status(study, Use.SUBMIT)
    log = await service.log(study, Use.SUBMIT)
    number = log.execution if log else 0
    told = f"study {study} is {status.word or 'not executed'}"
    if number <= progress.before:
        last = f"its last execution is still {number}" if number else "it has no execution"
        return Unclear(f"{told}; {last}, as before this one was asked for")
    told = f"{told}, with execution {number} after {progress.before}"
    if status.state in {State.EDITED, State.NEVER, State.UNKNOWN}:
        return Unclear(f"{told}: somebody has changed it")
    shown = await look(service, table, Use.SUBMIT, sent={}, seen=progress.tables)
    if shown.fault is not None:
        return Unclear(f"{told}, which is somebody else's: {shown.fault}")
    return Found(remote_id(study, number), f"{told} and all values as they were sent")
