"""One entry of the append-only history: a transition, with its reason."""

from dataclasses import dataclass

from orchestrator.core.lifecycle import Shown


@dataclass(frozen=True, slots=True)
class Entry:
    """What happened to a job.

    `seq` numbers all entries of a home without gaps that matter; `at` is wall-clock time (seconds
    since 1970, UTC), for people only. `run` is the number of the attempt, None before the first.
    `source` is None for the first entry of a job. `lasted` is how long the job was shown as
    `source`, in seconds. `reason` is in words and may hold foreign text: escape it where it is
    printed.
    """

    seq: int
    at: float
    job: str
    name: str
    run: int | None
    backend: str
    remote_id: str | None
    source: Shown | None
    target: Shown
    lasted: float | None
    reason: str
