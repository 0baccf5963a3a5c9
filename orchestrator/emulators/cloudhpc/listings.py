"""What was listed once is told again, however the storage has changed, until that is deleted."""

import json
from collections.abc import Callable
from typing import Any

from orchestrator.emulators.database import Database

TABLE = "listings (question TEXT PRIMARY KEY, answer TEXT NOT NULL)"


class Listings:
    """The answers that are remembered; refusals are not."""

    def __init__(self, db: Database) -> None:
        self._db = db
        db.make([TABLE])

    def answer(self, question: str, find: Callable[[], Any]) -> Any:
        """Return the remembered answer to a question; if there is none, find and remember it."""
        row = self._db.one("SELECT answer FROM listings WHERE question = :it", it=question)
        if row is not None:
            return json.loads(row["answer"])
        found = find()
        sql = "INSERT INTO listings VALUES (:question, :answer)"
        self._db.do(sql, question=question, answer=json.dumps(found))
        return found

    def forget(self) -> None:
        """Forget all answers."""
        self._db.do("DELETE FROM listings")
