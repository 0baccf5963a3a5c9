"""Faults of this machine's own storage, named so that every room can tell them apart."""


class DiskFullError(Exception):
    """No space left: nothing is lost, the work waits and goes on by itself when there is space."""


class FatalStorageError(Exception):
    """A sync or commit failed: what is on disk is not known any more.

    The process must end at once and read again after its restart; a failed sync is never repeated,
    because the kernel may have dropped the pages it could not write.
    """


class StaleError(Exception):
    """What was read has changed meanwhile; the write did nothing. Read again."""
