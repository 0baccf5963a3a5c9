"""Size and SHA-256 of an input that goes with a submit."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from threading import Event

from anyio.to_thread import run_sync

BLOCK = 1 << 20


async def digested(path: Path) -> tuple[int, str]:
    """Return size (bytes) and SHA-256 of a file, from a worker thread. Raises OSError."""
    stop = Event()
    try:
        return await run_sync(digest, path, stop.is_set, abandon_on_cancel=True)
    finally:
        stop.set()  # a thread that is left behind by a cancel reads no more


def digest(path: Path, is_stopped: Callable[[], bool] = lambda: False) -> tuple[int, str]:
    """Return size (bytes) and SHA-256 of a file; it may be stopped. Raises OSError."""
    size, found = 0, hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while not is_stopped() and (block := file.read(BLOCK)):
            found.update(block)
            size += len(block)
    return size, found.hexdigest()
