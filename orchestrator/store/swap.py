"""A restored queue takes the place of the present one, whatever happens on the way.

The restored queue is made whole and synced as `state/restored.db`; the rename that gives it this
name decides. From then on whoever serves or restores carries it through first: the present queue
is moved aside with all that SQLite keeps beside it, then the name is changed. A kill before the
decision leaves the old queue, after it the new one, and never one with the log of the other.
"""

import os
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.store.results import disk

BESIDE = ("", "-wal", "-shm", "-journal")


def carry_through(home: Home) -> Path | None:
    """Finish a restore that was decided; return where the replaced queue lies, None without one.

    The caller holds the home's lock. Nothing is overwritten. Raises OSError.
    """
    if not home.restored.exists():
        return None
    aside = _aside(home)
    state, backups = (os.open(folder, disk.FOLDER) for folder in (home.state, home.backups))
    try:
        for end in BESIDE:  # the database first: nobody can open it then and make new ones beside
            if (home.state / f"{home.database.name}{end}").exists():
                disk.move(
                    f"{home.database.name}{end}",
                    within=state,
                    to=f"{aside.name}{end}",
                    into=backups,
                )
        os.fsync(backups)
        os.fsync(state)  # the old log must be gone for sure before the new queue has the name
        disk.move(home.restored.name, within=state, to=home.database.name, into=state)
        os.fsync(state)
    finally:
        os.close(state)
        os.close(backups)
    return aside if aside.exists() else None


def _aside(home: Home) -> Path:
    """Return a name that stays the same until the restore is finished, and is of no other."""
    made = datetime.fromtimestamp(home.restored.stat().st_mtime, UTC)
    return home.backups / f"replaced-{made.strftime('%Y%m%dT%H%M%S.%fZ')}.db"
