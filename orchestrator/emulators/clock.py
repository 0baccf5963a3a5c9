"""The time of a service, which a test can move ahead: an hour need not be waited for."""

import asyncio
import time
from datetime import UTC, datetime

from orchestrator.emulators.database import Database

LOOK_EVERY = 0.02  # seconds
TABLE = "clock (id INTEGER PRIMARY KEY CHECK (id = 1), ahead REAL NOT NULL)"


class Clock:
    """Real time, and as many seconds more as it was moved ahead; it stays so over restarts."""

    def __init__(self, db: Database) -> None:
        self._db = db
        db.make([TABLE])
        db.do("INSERT OR IGNORE INTO clock VALUES (1, 0)")
        row = db.one("SELECT ahead FROM clock")
        self._ahead = 0.0 if row is None else float(row["ahead"])

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self._ahead

    def date(self) -> datetime:
        """Return the same as a date in UTC."""
        return datetime.fromtimestamp(self.now(), UTC)

    async def wait(self, seconds: float) -> None:
        """Return when so much time has passed: at once, if the clock is moved so far."""
        due = self.now() + seconds
        while (left := due - self.now()) > 0:
            nap = min(left, LOOK_EVERY)  # the clock may be moved meanwhile
            await asyncio.sleep(nap)

    def move(self, seconds: float) -> None:
        """Move ahead."""
        self._ahead += seconds
        self._db.do("UPDATE clock SET ahead = :ahead", ahead=self._ahead)
