"""Fetch a presigned address into an open file. For worker threads."""

import hashlib
import os

from orchestrator.backend import TransientError
from orchestrator.backends.http.downloading import download
from orchestrator.backends.http.storage import Storage


def save(link: str, where: Storage, file: int) -> tuple[int, str]:
    """Write what is there to an open descriptor; return its size (bytes) and MD5 in hex.

    Raises what `download` raises, OSError, and TransientError for bytes that came damaged.
    """
    size, md5 = 0, hashlib.md5(usedforsecurity=False)
    with download(link, where) as stream:
        for chunk in stream:
            left = memoryview(chunk)
            while left:
                left = left[os.write(file, left) :]
            md5.update(chunk)
            size += len(chunk)
        if stream.md5 not in {None, md5.hexdigest()}:
            raise TransientError("it came damaged: its MD5 is another than told", effect="none")
    return size, md5.hexdigest()
