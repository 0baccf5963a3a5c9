"""The service tells how a run stands in whole sentences. Pure.

Source: the recordings of both dialects; the sentences in the middle are those of DRMAA.
"""

from enum import Enum

_FROM_WS = "from the ws"


class Status(Enum):
    """What a sentence means."""

    RECEIVED = "received"
    ALIVE = "alive"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


_SENTENCES = {
    **{f"{it} has been received {_FROM_WS}": Status.RECEIVED for it in ("job", "task")},
    **{f"{it} has been rejected {_FROM_WS}": Status.REJECTED for it in ("job", "task")},
    **{f"{it} has been created and sent to the DRM": Status.ALIVE for it in ("job", "task")},
    "process status cannot be determined": Status.ALIVE,
    "job is queued and active": Status.ALIVE,
    "job is queued and in system hold": Status.ALIVE,
    "job is queued and in user hold": Status.ALIVE,
    "job is queued and in user and system hold": Status.ALIVE,
    "job is running": Status.ALIVE,
    "job is system suspended": Status.ALIVE,
    "job is user suspended": Status.ALIVE,
    "job was stopped by the user": Status.STOPPED,
    "job finished normally": Status.DONE,
    "job finished, but failed": Status.FAILED,
}
ENDS = frozenset({Status.DONE, Status.FAILED, Status.STOPPED, Status.REJECTED})


def meaning(sentence: str) -> Status:
    """Return what a sentence means; one that is not known word for word is UNKNOWN, and no end."""
    return _SENTENCES.get(sentence, Status.UNKNOWN)
