"""What passes from the spool to the queue: new jobs, requests, and drops that were rejected."""

from dataclasses import dataclass
from typing import Literal

from orchestrator.core.spec import JobSpec

Verb = Literal["cancel", "hold", "release", "retry"]


@dataclass(frozen=True, slots=True)
class Input:
    """One input file as it was at acceptance.

    `name` is its name in the run. `source` is an absolute path, or a path below the dropped folder
    when the file was taken over with it. `size` is in bytes.
    """

    name: str
    source: str
    size: int
    mtime_ns: int
    taken: bool


@dataclass(frozen=True, slots=True)
class NewJob:
    """A drop that passed every check.

    `text` is the spec file to the byte, `file` its name, `drop` the name under which it was
    dropped (escaped), `uid` the owner of the drop.
    """

    id: str
    spec: JobSpec
    text: bytes
    file: str
    drop: str
    uid: int
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asks of a job, which is named by id, unique prefix of an id, or name."""

    id: str
    verb: Verb
    job: str
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Rejection:
    """A drop that did not become a job, and why."""

    id: str
    name: str
    reason: str
