"""Whether somebody still has a file open for writing: the kernel knows, and tells by a lease."""

import errno
import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

Writer = Literal["none", "some", "unknown"]

# Who may not take a lease (a file of another user), or a file system without leases.
_UNABLE = {errno.EACCES, errno.EPERM, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def leased(fd: int) -> Iterator[Writer]:
    """Hold a read lease for the length of a block; yields whether anybody has the file open.

    While it is held, whoever opens the file for writing waits. The kernel then signals the holder;
    SIGIO, its default, would kill this process, so SIGURG is asked for, which does nothing.
    """
    fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGURG)
    try:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            yield "some"
        elif error.errno in _UNABLE:
            yield "unknown"
        else:
            raise
        return
    try:
        yield "none"
    finally:
        fcntl.fcntl(fd, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def writer_of(fd: int) -> Writer:
    """Tell whether anybody has the file open for writing now."""
    with leased(fd) as writer:
        return writer
