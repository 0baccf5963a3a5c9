"""Keeps status.log in step with the history table, line by line."""

from pathlib import Path
from typing import Self

import anyio
from anyio.to_thread import run_sync

from orchestrator.config import Log
from orchestrator.log import StatusLog
from orchestrator.store import look
from orchestrator.store.database import Database
from orchestrator.store.home import HomeRow

LINES_AT_ONCE = 500
ALL = -1  # no limit, to SQLite
ROOM_LATER = 5.0  # seconds until a full disk is tried again


class Projection:
    """The writer of status.log. `cursor` is the last history entry that stands in the file.

    It may be lost by a power cut until it is synced.
    """

    def __init__(self, db: Database, file: StatusLog, cursor: int, synced: int) -> None:
        self._db = db
        self._file = file
        self.cursor = cursor
        self._synced = synced
        self._poked = anyio.Event()

    @classmethod
    async def open(cls, db: Database, path: Path, home: HomeRow, sizes: Log) -> Self:
        """Open the file and bring it up to the history; raises OSError."""
        behind = await db.read(look.history_after, home.status_cursor, ALL)
        file = StatusLog.open(path, behind, size=sizes.largest, keep=sizes.keep)
        cursor = behind[-1].seq if behind else home.status_cursor
        return cls(db, file, cursor, home.status_cursor)

    def poke(self) -> None:
        """Say that there may be new entries."""
        self._poked.set()

    async def run(self) -> None:
        """Write lines as entries come, until cancelled."""
        while True:
            self._poked = anyio.Event()
            if await self.flush():
                await self._poked.wait()
            else:
                await anyio.sleep(ROOM_LATER)

    async def sync(self) -> int:
        """Bring the lines to the disk; return the last entry that surely stands there."""
        cursor = self.cursor
        if cursor > self._synced and await run_sync(self._file.sync):
            self._synced = cursor
        return self._synced

    async def flush(self) -> bool:
        """Write all entries that are not written yet; False when the disk has no room."""
        while True:
            entries = await self._db.read(look.history_after, self.cursor, LINES_AT_ONCE)
            if entries:
                if not self._file.append(entries):
                    return False
                self.cursor = entries[-1].seq
            if len(entries) < LINES_AT_ONCE:
                return True
