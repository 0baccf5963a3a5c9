"""Is everything still as it was recorded? The queue's database, and the files of all results."""

import threading
from functools import partial
from pathlib import Path

from anyio.to_thread import run_sync

from orchestrator.config.home import Home
from orchestrator.store import audit, views
from orchestrator.store.database import Database
from orchestrator.store.results import Finding, StoppedError, folder_of, verify


async def check_queue(db: Database) -> list[str]:
    """Return what is wrong with the queue's database; table by table, so that writers get a turn.

    Raises FatalStorageError when it cannot even be read.
    """
    found: list[str] = []
    for table in await db.read(audit.tables):
        found += await db.read(audit.damage_in, table)
    return found


async def check_results(db: Database, home: Home) -> list[tuple[Path, Finding]]:
    """Hash all published results again; return what is not as it was published, and where."""
    found: list[tuple[Path, Finding]] = []
    for run in await db.read(views.published, None):
        folder = home.results / folder_of(run.name, run.job) / str(run.number)
        found += [(folder, it) for it in await _verified(folder, run.manifest_sha256)]
    return found


async def _verified(folder: Path, manifest_sha256: str | None) -> list[Finding]:
    """Verify on a worker thread, which ends after the file it is at when we are cancelled."""
    stop = threading.Event()
    check = partial(verify, folder, manifest_sha256=manifest_sha256, stop=stop.is_set)
    try:
        return await run_sync(check, abandon_on_cancel=True)
    except StoppedError:
        return []
    finally:
        stop.set()
