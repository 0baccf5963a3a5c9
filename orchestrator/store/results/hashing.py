"""Hashes of what passes, computed beside the reading and writing of it.

hashlib lets go of the interpreter while it works, so that on two processors it costs no time.
"""

import hashlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager


class Hashes:
    """Takes chunks; each is hashed while the next one is read and written.

    `md5` says whether the MD5 is wanted beside the SHA-256: it takes the longer time of the two.
    """

    def __init__(self, pool: ThreadPoolExecutor, *, md5: bool) -> None:
        self._pool, self._md5_wanted = pool, md5
        self._running: Future[None] | None = None
        self.begin_anew()

    def begin_anew(self) -> None:
        """Forget what came."""
        self._wait()
        self._held: bytes = b""  # a file of one chunk needs no thread
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if self._md5_wanted else None

    def update(self, chunk: bytes) -> None:
        """Take the next chunk, which must not change any more."""
        self._wait()
        if self._held:
            self._running = self._pool.submit(self._hash, self._held)
        self._held = chunk

    def hexdigests(self) -> tuple[str, str | None]:
        """Return SHA-256 and MD5 of all chunks."""
        self._wait()
        self._hash(self._held)
        self._held = b""
        return self._sha256.hexdigest(), self._md5.hexdigest() if self._md5 else None

    def _hash(self, data: bytes) -> None:
        self._sha256.update(data)
        if self._md5 is not None:
            self._md5.update(data)

    def _wait(self) -> None:
        if self._running:
            self._running.result()
            self._running = None


@contextmanager
def hashing(*, md5: bool) -> Iterator[Hashes]:
    """Give hashes to be filled within the context."""
    with ThreadPoolExecutor(1, "hash") as pool:
        yield Hashes(pool, md5=md5)
