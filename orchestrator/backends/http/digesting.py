"""Size and SHA-256 of an input that goes with a submit. For worker threads."""

import hashlib
from collections.abc import Callable
from pathlib import Path

BLOCK = 1 << 20


def digest(path: Path, is_stopped: Callable[[], bool]) -> tuple[int, str]:
    """Return size (bytes) and SHA-256 of a file; it may be stopped. Raises OSError."""
    size, found = 0, hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while not is_stopped() and (block := file.read(BLOCK)):
            found.update(block)
            size += len(block)
    return size, found.hexdigest()
