"""The items of the storage as this service tells of them: each has a number of its own."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from orchestrator.emulators.cloudhpc.answers import RefusalError
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground

BUCKET = "storage"
RESULTS = "results"  # the owner of what a run left; what a client sent is the bucket's own
# `name` is what is told; `key` is the object's, another one only where the name is a lie.
TABLES = (
    """items (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, key TEXT NOT NULL,
        asked INTEGER NOT NULL DEFAULT 0)""",
)
KEPT = 60 * 86400.0  # seconds after which the service deletes a file


class Items:
    """Files and folders of the account. The key of a folder ends in /, that of the root is ""."""

    def __init__(self, ground: Ground) -> None:
        self._ground, self._db, self._objects = ground, ground.db, ground.objects
        self._db.make(TABLES)

    def get(self, id_: int) -> Row:
        """Return the object of an item. Raises RefusalError."""
        row = self._db.one("SELECT key FROM items WHERE id = :id", id=id_)
        found = None if row is None else self._objects.find(BUCKET, row["key"])
        if found is None:
            raise RefusalError
        return found

    def at(self, path: str) -> Row:
        """Return the object at a path, with or without slashes around it. Raises RefusalError."""
        key = path.strip("/")
        found = self._objects.find(BUCKET, key) or self._objects.find(BUCKET, f"{key}/")
        if found is None:
            raise RefusalError
        return found

    def below(self, folder: str) -> list[Row]:
        """Return all objects below a folder, at any depth."""
        return [row for row in self._objects.within(BUCKET, folder) if row["key"] != folder]

    def inside(self, folder: str) -> list[Row]:
        """Return the files and folders that lie directly in a folder."""
        size = len(folder)
        return [row for row in self.below(folder) if "/" not in row["key"][size:].rstrip("/")]

    def told(self, row: Row, name: str | None = None) -> dict[str, Any]:
        """Return what is told of an object, if need be under another name than its own."""
        name = row["key"].rstrip("/") if name is None else name
        dirname, _, basename = name.rpartition("/")
        is_file = row["blob"] is not None
        created = datetime.fromtimestamp(row["modified"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "id": self._id(name, row["key"]),
            "name": name,
            "basename": basename,
            "dirname": dirname,
            "type": "file" if is_file else "dir",
            "size": str(row["size"]) if is_file else "",
            "timeCreated": created if is_file else "",
        }

    def count_asking(self, id_: int) -> int:
        """Count that somebody asks for a link; return how often that was done before."""
        row = self._db.one("SELECT asked FROM items WHERE id = :id", id=id_)
        self._db.do("UPDATE items SET asked = asked + 1 WHERE id = :id", id=id_)
        return 0 if row is None else int(row["asked"])

    def remove(self, rows: Iterable[Row]) -> None:
        """Delete objects; their numbers are never given again."""
        for row in rows:
            self._objects.remove(BUCKET, row["key"])
            self._db.do("DELETE FROM items WHERE key = :key", key=row["key"])

    def expire(self) -> None:
        """Delete every file that has been here for too long."""
        oldest = self._ground.clock.now() - KEPT
        everything = self._objects.within(BUCKET)
        self.remove(it for it in everything if it["blob"] is not None and it["modified"] < oldest)

    def _id(self, name: str, key: str) -> int:
        sql = "INSERT OR IGNORE INTO items (name, key) VALUES (:name, :key)"
        self._db.do(sql, name=name, key=key)
        row = self._db.one("SELECT id FROM items WHERE name = :name", name=name)
        assert row is not None  # noqa: S101 - put there in the line before
        return int(row["id"])
