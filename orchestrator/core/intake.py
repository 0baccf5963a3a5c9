<<<<<<< HEAD
"""What passes from the spool to the queue: new jobs, requests, and drops that were rejected."""

from dataclasses import dataclass
from typing import Literal

from orchestrator.core.spec import JobSpec

Verb = Literal["cancel", "hold", "release", "retry"]
=======
"""What intake hands to the queue: plain frozen values, and the one error both sides share."""

from dataclasses import dataclass
from enum import StrEnum

from orchestrator.core.spec import JobSpec


class DiskFullError(Exception):
    """There was no room to write; nothing was written, and it may work later."""
>>>>>>> main


@dataclass(frozen=True, slots=True)
class Input:
<<<<<<< HEAD
    """One input file as it was at acceptance.

    `name` is its name in the run. `source` is an absolute path, or a path below the dropped folder
    when the file was taken over with it. `size` is in bytes.
=======
    """One input file of a job.

    `name` is its relative path in the run. `source` is an absolute path, or, when `taken`, the path
    below the dropped folder that was taken over whole. `size` is in bytes; `mtime_ns` tells later
    whether the file was changed.
>>>>>>> main
    """

    name: str
    source: str
    size: int
    mtime_ns: int
    taken: bool


@dataclass(frozen=True, slots=True)
class NewJob:
<<<<<<< HEAD
    """A drop that passed every check.

    `text` is the spec file to the byte, `file` its name, `drop` the name under which it was
    dropped (escaped), `uid` the owner of the drop.
=======
    """One drop that was found good, on its way into the queue.

    `text` is the job file as it was written, `file` the name people know it by. `drop` is the exact
    name of what was dropped: it lies in `state/archive/<id>/<drop>` afterwards. `uid` owns it.
>>>>>>> main
    """

    id: str
    spec: JobSpec
    text: bytes
    file: str
    drop: str
    uid: int
<<<<<<< HEAD
    inputs: tuple[Input, ...]
=======
    inputs: tuple[Input, ...] = ()


class Verb(StrEnum):
    """What a person can ask of a job."""

    CANCEL = "cancel"
    HOLD = "hold"
    RELEASE = "release"
    RETRY = "retry"
>>>>>>> main


@dataclass(frozen=True, slots=True)
class Request:
<<<<<<< HEAD
    """What a person asks of a job, which is named by id, unique prefix of an id, or name."""
=======
    """What a person asks of a job, named by id, unique prefix or name.

    The same `id` is applied once, however often it arrives. `confirmed` says that the person has
    looked for himself where the daemon cannot tell.
    """
>>>>>>> main

    id: str
    verb: Verb
    job: str
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
<<<<<<< HEAD
    """A drop that did not become a job, and why."""
=======
    """One drop that became no job: `name` and `reason` are for people and hold no control bytes."""
>>>>>>> main

    id: str
    name: str
    reason: str
