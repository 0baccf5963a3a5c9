"""Let the backend let go of an ended run, once its results are published and committed."""

import anyio

from orchestrator.backend import BackendError
from orchestrator.core.pacing import backoff
from orchestrator.core.work import Work
from orchestrator.engine.tools import Tools, as_run, call_limit, reason_of
from orchestrator.store import runs


async def forget(tools: Tools, work: Work) -> None:
    """Ask once; note that it was done, or when it is tried again."""
    try:
        with anyio.fail_after(call_limit(tools.backend(work))):
            await tools.backend(work).forget(as_run(work))
    except (BackendError, TimeoutError) as error:
        now = tools.now()
        asked = error.retry_after if isinstance(error, BackendError) else None
        due = now.steady + backoff(work.tries + 1, tools.u(), asked)
        await tools.db.write(runs.put_off_forgetting, work.run, due, reason_of(error), now)
    else:
        await tools.db.write(runs.forgotten, work.run)
