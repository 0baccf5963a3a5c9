"""Save what is being read into an open file. For worker threads."""

import hashlib
import os
from contextlib import AbstractContextManager

from orchestrator.backend import TransientError
from orchestrator.backends.http.downloading import Stream


def save(opened: AbstractContextManager[Stream], file: int) -> tuple[int, str]:
    """Write a download to an open descriptor; return its size (bytes) and MD5 in hex.

    Raises what opening and reading it raise, OSError, and TransientError for bytes that came
    damaged.
    """
    size, md5 = 0, hashlib.md5(usedforsecurity=False)
    with opened as stream:
        for chunk in stream:
            left = memoryview(chunk)
            while left:
                left = left[os.write(file, left) :]
            md5.update(chunk)
            size += len(chunk)
        if stream.md5 not in {None, md5.hexdigest()}:
            raise TransientError("it came damaged: its MD5 is another than told", effect="none")
    return size, md5.hexdigest()
