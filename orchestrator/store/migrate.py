"""Brings the queue's database to the schema of this program, one numbered step at a time."""

import os
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from orchestrator.store.sqlite import Connection

APPLICATION_ID = 0x4F524348  # "ORCH"


class SchemaError(Exception):
    """The database is not one that this program can use; the text says what to do."""


def steps() -> list[str]:
    """Return the SQL of every schema step, oldest first."""
    folder = files("orchestrator.store").joinpath("schema")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


def migrate(conn: Connection, backups: Path, known: Sequence[str] | None = None) -> None:
    """Apply the steps that are missing, each in one transaction, after a backup of what was there.

    Raises SchemaError for a database of another program or of a newer version of this one.
    """
    known = steps() if known is None else known
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    application: int = conn.execute("PRAGMA application_id").fetchone()[0]
    fresh = version == 0 and not conn.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    if not fresh and application != APPLICATION_ID:
        raise SchemaError("the queue's database belongs to another program; it was left alone")
    if version > len(known):
        raise SchemaError(
            f"the queue's database has schema {version}, this program knows {len(known)}:"
            " it was written by a newer version; install that one"
        )
    if 0 < version < len(known):
        backup(conn, backups / f"before-schema-{version + 1}.db")
    for number in range(version + 1, len(known) + 1):
        _apply(conn, known[number - 1], number)


def _apply(conn: Connection, text: str, number: int) -> None:
    conn.execute("BEGIN IMMEDIATE")
    try:
        for statement in text.split(";;"):
            if statement.strip():
                conn.execute(statement)
        conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        conn.execute(f"PRAGMA user_version = {number}")
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def backup(conn: Connection, target: Path) -> None:
    """Write a whole, checked and synced copy of the database to `target`, replacing one there.

    Raises SchemaError when the copy does not pass its check; `target` is then as it was.
    """
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    conn.execute("VACUUM INTO ?", (str(part),))
    problem = _check_copy(conn, part)
    if problem != "ok":
        part.unlink()
        raise SchemaError(f"the backup of the queue failed its check: {problem}")
    _sync(part)
    part.replace(target)
    _sync(target.parent)


def _check_copy(conn: Connection, path: Path) -> str:
    """Check the copy through the same connection: the live file is never opened a second time."""
    conn.execute("ATTACH ? AS copy", (str(path),))
    try:
        answer: str = conn.execute("PRAGMA copy.integrity_check(1)").fetchone()[0]
    finally:
        conn.execute("DETACH copy")
    return answer


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
