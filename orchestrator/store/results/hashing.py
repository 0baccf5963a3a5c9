"""SHA-256 of what passes, computed beside the reading and writing of it.

hashlib lets go of the interpreter while it works, so that on two processors it costs no time.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager


class Sha256:
    """Takes chunks; each is hashed while the next one is read and written."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool, self._digest = pool, hashlib.sha256()
        self._held: bytes = b""  # a file of one chunk needs no thread
        self._running: Future[None] | None = None

    def update(self, chunk: bytes) -> None:
        """Take the next chunk, which must not change any more."""
        self._wait()
        if self._held:
            self._running = self._pool.submit(self._digest.update, self._held)
        self._held = chunk

    def hexdigest(self) -> str:
        """Return the digest of all chunks."""
        self._wait()
        self._digest.update(self._held)
        self._held = b""
        return self._digest.hexdigest()

    def _wait(self) -> None:
        if self._running:
            self._running.result()
            self._running = None


@contextmanager
def hashing() -> Iterator[Sha256]:
    """Give a digest to be filled within the context."""
    with ThreadPoolExecutor(1, "hash") as pool:
        yield Sha256(pool)
