"""The processes of this service as it keeps them: one row each, and their outputs."""

import json
import random
import uuid
from collections.abc import Mapping
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.thecrossproduct import fields

TABLES = (
    """processes (
        id TEXT PRIMARY KEY, account TEXT NOT NULL, domain TEXT NOT NULL, app TEXT NOT NULL,
        launched REAL NOT NULL, terminated REAL, body TEXT NOT NULL, state TEXT NOT NULL,
        quote REAL NOT NULL, cost REAL NOT NULL, errors TEXT NOT NULL, agent TEXT NOT NULL,
        tags TEXT NOT NULL, bucket TEXT NOT NULL, prefix TEXT NOT NULL,
        listings INTEGER NOT NULL)""",
    "outputs (process TEXT, bucket TEXT, key TEXT, PRIMARY KEY (process, key))",
)
KEPT = 7 * 86400.0  # seconds that outputs are kept after the end
FILTERS = {
    "agent": fields.words,
    "app": fields.words,
    "domain": fields.words,
    "endpoint": fields.words,
    "ignores": fields.texts,
    "items_per_page": fields.count,
    "since": fields.moment,
    "state": fields.words,
    "state_contains": fields.words,
    "tags_intersects": fields.texts,
    "until": fields.moment,
}


class Processes:
    """All processes of all accounts."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db = ground, ground.db
        self._db.make(TABLES)

    def add(
        self,
        account: str,
        app: tuple[str, str],
        body: Mapping[str, Any],
        *,
        place: tuple[str, str],
        quote: float,
        agent: str,
    ) -> str:
        """Keep a new process; return its id. An empty prefix becomes the id."""
        id_ = str(uuid.uuid4())
        with self._db.together():
            self._ground.note_start(id_, body.get("tags", []))
            self._db.do(
                """INSERT INTO processes VALUES (:id, :account, :domain, :app, :now, NULL, :body,
                   'pending', :quote, 0, '', :agent, :tags, :bucket, :prefix, 0)""",
                id=id_, account=account, domain=app[0], app=app[1], now=self._ground.clock.now(),
                body=json.dumps(body), quote=quote, agent=agent,
                tags=json.dumps(body.get("tags", [])), bucket=place[0], prefix=place[1] or id_,
            )  # fmt: skip
        return id_

    def get(self, id_: str) -> Row | None:
        """Return a process of whatever account."""
        return self._db.one("SELECT * FROM processes WHERE id = :id", id=id_)

    def of(self, account: str) -> list[Row]:
        """Return all processes of an account, by id: the order says nothing."""
        sql = "SELECT * FROM processes WHERE account = :account ORDER BY id"
        return self._db.all(sql, account=account)

    def unfinished(self) -> list[str]:
        """Return the processes that have not ended."""
        return [
            it["id"] for it in self._db.all("SELECT id FROM processes WHERE terminated IS NULL")
        ]

    def move(self, id_: str, state: str) -> None:
        """Note the step a process has come to."""
        sql = "UPDATE processes SET state = :state WHERE id = :id AND terminated IS NULL"
        self._db.do(sql, id=id_, state=state)

    def charge(self, id_: str) -> None:
        """Note that the work of a process has begun: it costs what was quoted."""
        self._db.do("UPDATE processes SET cost = quote WHERE id = :id", id=id_)

    def end(self, id_: str, state: str, errors: str) -> None:
        """Note the end of a process, unless it has ended already."""
        sql = """UPDATE processes SET state = :state, errors = :errors, terminated = :now
                 WHERE id = :id AND terminated IS NULL"""
        self._db.do(sql, id=id_, state=state, errors=errors, now=self._ground.clock.now())

    def erase(self, id_: str) -> None:
        """Forget a process."""
        with self._db.together():
            self._db.do("DELETE FROM outputs WHERE process = :id", id=id_)
            self._db.do("DELETE FROM processes WHERE id = :id", id=id_)

    def add_output(self, id_: str, bucket: str, key: str) -> None:
        """Note that an object is an output of a process."""
        sql = "INSERT OR IGNORE INTO outputs VALUES (:id, :bucket, :key)"
        self._db.do(sql, id=id_, bucket=bucket, key=key)

    def outputs(self, id_: str) -> list[Row]:
        """Return the outputs of a process, by key."""
        return self._db.all("SELECT * FROM outputs WHERE process = :id ORDER BY key", id=id_)

    def count_listing(self, id_: str) -> int:
        """Count a listing of outputs; return how many there were before."""
        row = self._db.one("SELECT listings FROM processes WHERE id = :id", id=id_)
        self._db.do("UPDATE processes SET listings = listings + 1 WHERE id = :id", id=id_)
        return int(row["listings"]) if row is not None else 0


def is_wanted(row: Row, query: Mapping[str, Any]) -> bool:
    """Whether a list with these filters shows a process."""
    equal = all(row[name] == query[name] for name in ("agent", "app", "domain") if name in query)
    return (
        equal
        and query.get("endpoint", "run") == "run"
        and query.get("state", row["state"]) == row["state"]
        and query.get("state_contains", "") in row["state"]
        and query.get("since", row["launched"]) <= row["launched"]
        and query.get("until", row["launched"]) >= row["launched"]
        and (
            "tags_intersects" not in query
            or not set(query["tags_intersects"]).isdisjoint(json.loads(row["tags"]))
        )
    )


def record(ground: Ground, row: Row, where: str) -> dict[str, Any]:
    """Return what is told of a process."""
    ended = row["terminated"]
    state, id_ = row["state"], row["id"]
    if ended is None and (odd := ground.faults.strike("odd-state", where)) is not None:
        state = odd
    if ground.faults.strike("foreign-id", where) is not None:
        id_ = str(uuid.UUID(int=random.getrandbits(128), version=4))
    return {
        "id": id_,
        "app": row["app"],
        "domain": row["domain"],
        "endpoint": "run",
        "launched": fields.date(row["launched"]),
        "terminated": fields.date(ended),
        "expires": fields.date(None if ended is None else ended + KEPT),
        "body": json.loads(row["body"]),
        "state": state,
        "quote": row["quote"],
        "errors": row["errors"],
        "agent": row["agent"],
        "tags": json.loads(row["tags"]),
    }
