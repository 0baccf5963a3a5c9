"""Copies of the queue: when the last was made, a new one, and which are kept."""

import re
from datetime import UTC, datetime
from pathlib import Path

from anyio.to_thread import run_sync

from orchestrator.store import migrate

_NAME = re.compile(r"queue-(\d{8}T\d{6}Z)\.db", re.ASCII)
_PART = re.compile(r"\.queue-.*\.db\.part(-journal)?", re.ASCII)
_STAMP = "%Y%m%dT%H%M%SZ"


async def make_backup(queue: Path, folder: Path, *, keep: int, now: datetime) -> Path:
    """Copy the queue to a file named by the time (UTC); then remove all but the newest `keep`.

    Nobody waits for it. Raises DiskFullError, FatalStorageError, migrate.SchemaError when the copy
    is not good, OSError.
    """
    target = folder / f"queue-{now.astimezone(UTC).strftime(_STAMP)}.db"
    await run_sync(_remove_parts, folder)
    await run_sync(migrate.copy_queue, queue, target)
    await run_sync(_prune, folder, target, keep)
    return target


def last_backup(folder: Path) -> datetime | None:
    """Return when the newest copy was made, None without one."""
    names = [match[1] for path in folder.iterdir() if (match := _NAME.fullmatch(path.name))]
    if not names:
        return None
    return datetime.strptime(max(names), _STAMP).replace(tzinfo=UTC)


def _prune(folder: Path, fresh: Path, keep: int) -> None:
    """Remove old copies. The fresh one stays even if another claims to come from the future."""
    copies = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
    others = [path for path in copies if path != fresh]
    for path in others[: max(0, len(copies) - keep)]:
        path.unlink()


def _remove_parts(folder: Path) -> None:
    """Remove what a copy left that was broken off by a kill."""
    for path in folder.iterdir():
        if _PART.fullmatch(path.name):
            path.unlink()
