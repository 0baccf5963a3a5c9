"""When `serve --until-idle` ends: nothing can move any more without a person."""

import anyio

from orchestrator.engine import Tools
from orchestrator.intake import Intake
from orchestrator.store import look

LOOK_AGAIN = 0.2  # seconds


async def wait_until_idle(tools: Tools, intake: Intake) -> None:
    """Return when the spool is taken in and no job on a configured backend can move."""
    backends = sorted(tools.places)
    while True:
        if not await tools.db.read(look.movable, backends):
            report = await intake.scan_once()
            busy = report.accepted or report.requests or report.deferred
            if not busy and not await tools.db.read(look.movable, backends):
                return
        await anyio.sleep(LOOK_AGAIN)
