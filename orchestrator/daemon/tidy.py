"""At the start: what runs that ended without results left on its way into them is removed."""

from contextlib import suppress

from anyio.to_thread import run_sync

from orchestrator.config import Home
from orchestrator.store import look, results
from orchestrator.store.database import Database


async def clear_staging(home: Home, db: Database) -> None:
    """Remove what was fetched of runs that were given up: nothing will ever publish it.

    A folder that belongs to no run stays for `fsck` to tell of. Raises FatalStorageError.
    """
    keys = await run_sync(results.leftovers, home)
    for key in await db.read(look.ended, keys):
        with suppress(results.DiskFullError, results.ResultError):  # it does no harm where it is
            await run_sync(results.discard, home, key)
