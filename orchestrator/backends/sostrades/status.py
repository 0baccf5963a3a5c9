"""The words for the state of a study, and what they mean for a run. Pure."""

from enum import Enum


class State(Enum):
    """What a study's execution status means."""

    NEVER = "never executed"
    BUSY = "being calculated"  # or its process has died: the service does not notice
    FINISHED = "its results are stored"
    FAILED = "it failed"  # or somebody asked for a second execution while it ran
    STOPPED = "it was ended from outside"
    EDITED = "its values were changed since"
    UNKNOWN = "a word that is not known"


_STATES = {
    "": State.NEVER,
    "PENDING": State.BUSY,
    "POD PENDING": State.BUSY,
    "RUNNING": State.BUSY,
    "FINISHED": State.FINISHED,
    "FAILED": State.FAILED,
    "POD ERROR": State.STOPPED,
    "STOPPED": State.STOPPED,
    "NOT EXECUTED": State.EDITED,
}


def state(word: str) -> State:
    """Return what an execution status means."""
    return _STATES.get(word, State.UNKNOWN)
