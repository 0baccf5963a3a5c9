"""Brings the queue's database to the schema of this program, one numbered step at a time."""

import os
import re
from collections.abc import Sequence
from contextlib import closing
from errno import EEXIST
from importlib.resources import files
from pathlib import Path

from orchestrator.store.sqlite import Connection, connect_reader, engine, storage_fault

APPLICATION_ID = 0x4F524348  # "ORCH"
_END = re.compile(r";;$", re.MULTILINE)  # of a statement: a trigger has single semicolons within


class SchemaError(Exception):
    """The database is not one that this program can use; the text says what to do."""


def steps() -> list[str]:
    """Return the SQL of every schema step, oldest first."""
    folder = files("orchestrator.store").joinpath("schema")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [folder.joinpath(name).read_text("utf-8") for name in names]


def version(conn: Connection, known: Sequence[str] | None = None) -> int:
    """Return how many steps were applied; changes nothing.

    Raises SchemaError for a database of another program or of a newer version of this one.
    """
    known = steps() if known is None else known
    version: int = conn.execute("PRAGMA user_version").fetchone()[0]
    application: int = conn.execute("PRAGMA application_id").fetchone()[0]
    fresh = version == 0 and not conn.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()
    if not (fresh and application == 0) and application != APPLICATION_ID:
        raise SchemaError("the queue's database belongs to another program; it was left alone")
    if version > len(known):
        raise SchemaError(
            f"the queue's database has schema {version}, this program knows {len(known)}:"
            " it was written by a newer version; install that one, or restore a copy from before"
        )
    return version


def migrate(conn: Connection, backups: Path | None, known: Sequence[str] | None = None) -> None:
    """Apply the steps that are missing, each in one transaction, after a backup of what was there.

    A new queue gets all of them in one: nobody who looks meanwhile sees one that is half made.
    `backups` is None for a queue that is itself a copy. Raises SchemaError as `version` does, and
    when the backup does not pass its check.
    """
    known = steps() if known is None else known
    applied = version(conn, known)
    if backups is not None and 0 < applied < len(known):
        backup(conn, backups / f"before-schema-{applied + 1}.db")
    if applied == 0:
        _apply(conn, "\n".join(known), len(known))
        return
    for number in range(applied + 1, len(known) + 1):
        _apply(conn, known[number - 1], number)


def _apply(conn: Connection, text: str, number: int) -> None:
    conn.execute("BEGIN IMMEDIATE")
    try:
        for statement in _END.split(text):
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
    copy(conn, target)
    keep_copy(target)


def copy_queue(queue: Path, target: Path, *, replace: bool = True) -> None:
    """Back up a queue that others may be writing to, through a connection that cannot write.

    In WAL mode a reader keeps nobody from writing, so that the daemon goes on at full speed.
    Raises like `backup` and `version`, DiskFullError, and FatalStorageError.
    """
    try:
        with closing(connect_reader(queue)) as conn:
            _check_begun(conn)
            copy(conn, target)
    except engine.Error as error:
        raise storage_fault(error) or error from error
    keep_copy(target, replace=replace)


def _check_begun(conn: Connection) -> None:
    if version(conn) == 0:
        raise SchemaError("the queue is empty: no daemon ever began it")


def copy(conn: Connection, target: Path) -> None:
    """Write a copy beside `target`, for `keep_copy`, as the queue is at this moment."""
    _remove_part(target)
    part = part_of(target)
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        conn.execute("VACUUM INTO ?", (str(part),))
    except BaseException:
        _remove_part(target)  # half a copy helps nobody, and a full disk needs the space
        raise


def keep_copy(target: Path, *, replace: bool = True) -> None:
    """Check the copy that was made for `target`, sync it, and give it its name; on any thread.

    Raises SchemaError when it does not pass its check, FileExistsError when it is not to replace
    what is there; `target` is then as it was.
    """
    part = part_of(target)
    try:
        _check_copy(part)
        _sync(part)
        _give_name(part, target, replace=replace)
    except BaseException:
        _remove_part(target)
        raise
    _sync(target.parent)


def _give_name(part: Path, target: Path, *, replace: bool) -> None:
    if not replace and target.exists():
        raise FileExistsError(EEXIST, os.strerror(EEXIST), str(target))
    part.replace(target)


def part_of(target: Path) -> Path:
    """Return where a copy is made before it has its name."""
    return target.with_name(f".{target.name}.part")


def _remove_part(target: Path) -> None:
    """Remove what a copy that was broken off left; its journal would spoil the next copy."""
    part = part_of(target)
    for path in (part, part.with_name(f"{part.name}-journal")):
        path.unlink(missing_ok=True)


def _check_copy(path: Path) -> None:
    try:
        with closing(connect_reader(path)) as conn:
            problem = conn.execute("PRAGMA integrity_check(1)").fetchone()[0]
    except engine.Error as error:
        problem = error
    if problem != "ok":
        raise SchemaError(f"the backup of the queue failed its check: {problem}")


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
