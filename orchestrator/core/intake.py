"""What intake hands to the queue: plain frozen values."""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.spec import JobSpec


@dataclass(frozen=True, slots=True)
class Input:
    """One input file of a job.

    `name` is its relative path in the run. `source` is an absolute path, or, when `taken`, the path
    below the dropped folder that was taken over whole. `size` is in bytes; `mtime_ns` tells later
    whether the file was changed.
    """

    name: str
    source: str
    size: int
    mtime_ns: int
    taken: bool


@dataclass(frozen=True, slots=True)
class NewJob:
    """One drop that was found good, on its way into the queue.

    `text` is the job file as it was written, `file` the name people know it by. `drop` is the exact
    name of what was dropped: it lies in `state/archive/<id>/<drop>` afterwards. `uid` owns it.
    `lease` names what its run needs to itself, None for nothing.
    """

    id: str
    spec: JobSpec
    text: bytes
    file: str
    drop: str
    uid: int
    inputs: tuple[Input, ...] = ()
    lease: str | None = None


class Verb(StrEnum):
    """What a person can ask of a job."""

    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
    ADOPT = "adopt"


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks of a job, named by id, unique prefix or name.

    The same `id` is applied once, however often it arrives. `confirmed` says that the person has
    looked for himself where the daemon cannot tell. `remote_id` is the name that the job's run has
    at its backend: with `adopt`, and only there.
    """

    id: str
    verb: Verb
    job: str
    confirmed: bool = False
    remote_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """One drop that became no job: `name` and `reason` are for people and hold no control bytes."""

    id: str
    name: str
    reason: str
