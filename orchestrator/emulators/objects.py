"""What an object store keeps: objects by bucket and key, and uploads that are not complete yet."""

import hashlib
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from orchestrator.emulators.clock import Clock
from orchestrator.emulators.database import Database, Row
from orchestrator.emulators.signing import Dialect, Signer

TABLES = (
    "store (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    """objects (
        bucket TEXT, key TEXT, blob TEXT, size INTEGER NOT NULL, etag TEXT NOT NULL,
        md5sum TEXT, owner TEXT NOT NULL, created REAL NOT NULL, modified REAL NOT NULL,
        downloads INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (bucket, key))""",
    """uploads (
        id TEXT PRIMARY KEY, bucket TEXT NOT NULL, key TEXT NOT NULL, owner TEXT NOT NULL,
        parts INTEGER NOT NULL, begun REAL NOT NULL)""",
    """parts (
        upload TEXT, number INTEGER, blob TEXT NOT NULL, size INTEGER NOT NULL,
        etag TEXT NOT NULL, PRIMARY KEY (upload, number))""",
)
CHUNK = 256 * 1024


class Objects:
    """Rows in the database, bytes as files below one folder. A key that ends in / is a folder."""

    def __init__(self, db: Database, folder: Path, clock: Clock, dialect: Dialect) -> None:
        folder.mkdir(exist_ok=True)
        self._db, self._folder, self.clock = db, folder, clock
        db.make(TABLES)
        db.do("INSERT OR IGNORE INTO store VALUES ('key', :key)", key=secrets.token_bytes(32))
        row = db.one("SELECT value FROM store WHERE name = 'key'")
        assert row is not None  # noqa: S101 - put there in the line before
        self.signing_key: bytes = row["value"]
        self.signer = Signer(self.signing_key, dialect)

    def url(
        self,
        method: str,
        bucket: str,
        key: str,
        *,
        more: Mapping[str, str],
        headers: Mapping[str, str],
        lifetime: float,
    ) -> str:
        """Return path and query of a presigned URL."""
        path, now = f"/s3/{bucket}/{key}", self.clock.date()
        return self.signer.url(method, path, more, headers, lifetime=lifetime, now=now)

    def find(self, bucket: str, key: str) -> Row | None:
        """Return an object or a folder."""
        sql = "SELECT * FROM objects WHERE bucket = :bucket AND key = :key"
        return self._db.one(sql, bucket=bucket, key=key)

    def within(self, bucket: str, prefix: str = "") -> list[Row]:
        """Return all objects and folders whose keys begin with a prefix, by key."""
        sql = """SELECT * FROM objects WHERE bucket = :bucket
                 AND substr(key, 1, length(:prefix)) = :prefix ORDER BY key"""
        return self._db.all(sql, bucket=bucket, prefix=prefix)

    def path(self, row: Row) -> Path:
        """Return where the bytes of an object or part lie."""
        blob: str = row["blob"]
        return self._folder / blob

    def new_file(self) -> Path:
        """Return the path of a file for new bytes, which nothing refers to yet."""
        return self._folder / secrets.token_hex(16)

    def put(self, bucket: str, key: str, file: Path, etag: str, owner: str) -> None:
        """Make a file of this store the bytes of an object, with all folders above it."""
        self.make_folders(bucket, key, owner)
        self._write(bucket, key, owner, blob=file.name, size=file.stat().st_size, etag=etag)

    def vouch(self, bucket: str, key: str, md5sum: str | None) -> None:
        """Note what the MD5 of an object is, for all who ask; None where nobody said."""
        sql = "UPDATE objects SET md5sum = :md5sum WHERE bucket = :bucket AND key = :key"
        self._db.do(sql, md5sum=md5sum, bucket=bucket, key=key)

    def make_folders(self, bucket: str, key: str, owner: str) -> None:
        """Make the folders above a key; the key itself too if it ends in /."""
        names = key.split("/")[:-1]
        for depth in range(len(names)):
            folder = "/".join(names[: depth + 1]) + "/"
            if self.find(bucket, folder) is None:
                self._write(bucket, folder, owner, blob=None)

    def copy(self, row: Row, bucket: str, key: str, owner: str) -> None:
        """Copy an object or a folder (without what is in it)."""
        if row["blob"] is None:
            self.make_folders(bucket, key, owner)
            return
        file = self.new_file()
        os.link(self.path(row), file)
        self.make_folders(bucket, key, owner)
        told = {"size": row["size"], "etag": row["etag"], "md5sum": row["md5sum"]}
        self._write(bucket, key, owner, blob=file.name, **told)

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object, or a folder without what is in it; nothing happens if it is gone."""
        row = self.find(bucket, key)
        if row is not None:
            self._db.do("DELETE FROM objects WHERE bucket = :b AND key = :k", b=bucket, k=key)
            self._discard(row["blob"])

    def count_download(self, bucket: str, key: str) -> None:
        """Note that a URL for reading was given."""
        sql = "UPDATE objects SET downloads = downloads + 1 WHERE bucket = :b AND key = :k"
        self._db.do(sql, b=bucket, k=key)

    def begin(self, bucket: str, key: str, owner: str, parts: int) -> str:
        """Begin an upload; return its id."""
        upload = secrets.token_hex(16)
        sql = "INSERT INTO uploads VALUES (:upload, :bucket, :key, :owner, :parts, :begun)"
        begun = self.clock.now()
        values = {"upload": upload, "bucket": bucket, "key": key, "owner": owner}
        self._db.do(sql, **values, parts=parts, begun=begun)
        return upload

    def upload(self, upload: str) -> Row | None:
        """Return an upload that was begun and neither completed nor aborted."""
        return self._db.one("SELECT * FROM uploads WHERE id = :id", id=upload)

    def latest_upload(self, bucket: str, key: str) -> Row | None:
        """Return the last single-part upload that was begun for a key."""
        sql = """SELECT * FROM uploads WHERE bucket = :bucket AND key = :key
                 ORDER BY begun DESC, rowid DESC LIMIT 1"""
        return self._db.one(sql, bucket=bucket, key=key)

    def put_part(self, upload: str, number: int, file: Path, etag: str) -> None:
        """Keep the bytes of one part; the same part may come again."""
        sql = "SELECT blob FROM parts WHERE upload = :upload AND number = :number"
        old = self._db.one(sql, upload=upload, number=number)
        sql = "INSERT OR REPLACE INTO parts VALUES (:upload, :number, :blob, :size, :etag)"
        size = file.stat().st_size
        self._db.do(sql, upload=upload, number=number, blob=file.name, size=size, etag=etag)
        if old is not None:
            self._discard(old["blob"])

    def parts(self, upload: str) -> list[Row]:
        """Return the parts that have come, by number."""
        return self._db.all("SELECT * FROM parts WHERE upload = :id ORDER BY number", id=upload)

    def join(self, parts: Sequence[Row]) -> Path:
        """Return a new file with the bytes of all parts. Touches no rows: made for a thread."""
        file = self.new_file()
        with file.open("wb") as whole:
            for part in parts:
                with self.path(part).open("rb") as piece:
                    shutil.copyfileobj(piece, whole, CHUNK)
        return file

    def complete(self, upload: Row, file: Path, etag: str, md5sum: str | None) -> None:
        """Make the joined bytes of an upload an object, and forget the upload."""
        with self._db.together():
            self.put(upload["bucket"], upload["key"], file, etag, upload["owner"])
            self.vouch(upload["bucket"], upload["key"], md5sum)
            gone = self._forget(upload["id"])
        for blob in gone:
            self._discard(blob)

    def abort(self, upload: str) -> None:
        """Forget an upload and the parts that have come."""
        with self._db.together():
            gone = self._forget(upload)
        for blob in gone:
            self._discard(blob)

    def _forget(self, upload: str) -> list[str]:
        gone = [part["blob"] for part in self.parts(upload)]
        self._db.do("DELETE FROM parts WHERE upload = :id", id=upload)
        self._db.do("DELETE FROM uploads WHERE id = :id", id=upload)
        return gone

    def _write(
        self,
        bucket: str,
        key: str,
        owner: str,
        *,
        blob: str | None,
        size: int = 0,
        etag: str = "",
        md5sum: str | None = None,
    ) -> None:
        old, now = self.find(bucket, key), self.clock.now()
        self._db.do(
            """INSERT INTO objects VALUES
               (:bucket, :key, :blob, :size, :etag, :md5sum, :owner, :now, :now, 0)
               ON CONFLICT DO UPDATE SET blob = :blob, size = :size, etag = :etag,
               md5sum = :md5sum, modified = :now""",
            bucket=bucket, key=key, blob=blob, size=size, etag=etag, md5sum=md5sum, owner=owner,
            now=now,
        )  # fmt: skip
        if old is not None:
            self._discard(old["blob"])

    def _discard(self, blob: str | None) -> None:
        if blob is not None:
            (self._folder / blob).unlink(missing_ok=True)


def etag_of(parts: Sequence[Row]) -> str:
    """Return the ETag that S3 gives to an object of several parts: no MD5 of its bytes."""
    digests = b"".join(bytes.fromhex(part["etag"]) for part in parts)
    digest = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    return f"{digest}-{len(parts)}"
