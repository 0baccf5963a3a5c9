"""Proves that the service lives: the engine turned, and a write was committed."""

from collections.abc import Callable

import anyio

from orchestrator.core.faults import DiskFullError
from orchestrator.core.now import Now
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.notify import notify, watchdog_seconds
from orchestrator.daemon.projection import Projection
from orchestrator.engine import Engine
from orchestrator.store.database import Database
from orchestrator.store.home import save_pulse

SLOWEST = 10.0  # seconds between beats


class Heart:
    """Saves the clock's anchor and the cursor of status.log, and tells systemd's watchdog."""

    def __init__(
        self, db: Database, now: Callable[[], Now], engine: Engine, projection: Projection
    ) -> None:
        self._db = db
        self._now = now
        self._engine = engine
        self._projection = projection

    async def run(self) -> None:
        """Beat until cancelled; stay silent when the engine does not turn."""
        limit = watchdog_seconds()
        interval = SLOWEST if limit is None else min(SLOWEST, limit / 4)
        while True:
            turns = self._engine.turns
            self._engine.poke()
            await self.beat()
            await anyio.sleep(interval)
            if self._engine.turns != turns:
                notify("WATCHDOG=1")

    async def beat(self) -> None:
        """Commit what the next start goes on from. A full disk is no reason to be restarted."""
        try:
            await self._db.write(
                save_pulse, read_anchor(self._now().steady), await self._projection.sync()
            )
        except DiskFullError:
            return
