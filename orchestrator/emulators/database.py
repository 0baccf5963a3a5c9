"""The state of an emulator: one SQLite file, used from one thread."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

Row = sqlite3.Row


class Database:
    """Statements with named parameters. Each is committed by itself, unless in `together`."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)  # SQLite gives its other files the same mode
        self._conn = sqlite3.connect(path, isolation_level=None)
        self._conn.row_factory = sqlite3.Row
        # Enough to survive a kill; a power cut is not what a stand-in is for.
        self.do("PRAGMA journal_mode = WAL")
        self.do("PRAGMA synchronous = NORMAL")

    def make(self, tables: Iterable[str]) -> None:
        """Make the tables that are not there yet."""
        for table in tables:
            self.do(f"CREATE TABLE IF NOT EXISTS {table}")

    def do(self, sql: str, /, **values: Any) -> int:
        """Carry out one statement; return how many rows it changed."""
        return self._conn.execute(sql, values).rowcount

    def all(self, sql: str, /, **values: Any) -> list[Row]:
        """Return all rows."""
        return self._conn.execute(sql, values).fetchall()

    def one(self, sql: str, /, **values: Any) -> Row | None:
        """Return the first row, or None."""
        row: Row | None = self._conn.execute(sql, values).fetchone()
        return row

    @contextmanager
    def together(self) -> Iterator[None]:
        """Commit everything inside at once, or nothing of it. Nothing inside may await."""
        self.do("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.do("ROLLBACK")
            raise
        self.do("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._conn.close()
