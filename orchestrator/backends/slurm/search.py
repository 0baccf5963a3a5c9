"""Look for a run by its key: in its folder, then the controller, then accounting."""

from collections.abc import Iterable

from anyio.to_thread import run_sync

from orchestrator.backend import Absent, BackendError, Finding, Found, Run, Several, Unclear
from orchestrator.backends.http.asking import Use
from orchestrator.backends.slurm.folders import Folders
from orchestrator.backends.slurm.naming import is_ours
from orchestrator.backends.slurm.values import Job
from orchestrator.backends.slurm.way import Way


async def by_key(way: Way, folders: Folders, run: Run) -> Finding:
    """Look for a run.

    A start is noted in the run's folder for good. A run that did not start is in the controller's
    list; if it was cancelled since, in accounting, some seconds later. The list is complete, or the
    call fails. Raises the five errors: no answer is no finding.
    """
    marks = await run_sync(folders.read, run.key)
    if marks.job is not None:
        return Found(str(marks.job), f"job {marks.job} has marked its start in the run's folder")
    found = _numbers(run, await way.jobs(Use.SUBMIT))
    if not found:
        try:
            past = await way.past(Use.SUBMIT, name=run.key)
        except BackendError as error:
            return Unclear(f"the controller does not know it, and accounting: {error}")
        found = _numbers(run, past or ())
    if len(found) > 1:
        return Several(tuple(str(number) for number in sorted(found)))
    if found:
        return Found(str(*found), f"a job named {run.key}")
    return Absent(f"no job is named {run.key}, and its folder has no mark of a start")


def _numbers(run: Run, jobs: Iterable[Job]) -> set[int]:
    return {job.run for job in jobs if is_ours(job, run.key)}
