"""The limits a drop must keep to."""

import os
from dataclasses import dataclass, field


def _owners() -> frozenset[int]:
    return frozenset({os.geteuid(), 0})


@dataclass(frozen=True, slots=True)
class Rules:
    """What may be dropped, and when the spool is looked at.

    `settle`: seconds without any change after which something written in place counts as finished.
    `scan_every`: seconds after which everything is looked at again though nothing was heard.
    `largest_spec`: the most bytes of a job file or request. `largest_folder`, `most_files`,
    `deepest`: the most bytes, entries and levels of a dropped folder. `owners`: the user ids whose
    files are accepted, the daemon's own and root's unless said otherwise.
    """

    settle: float = 2.0
    scan_every: float = 5.0
    largest_spec: int = 1 << 20
    largest_folder: int = 20 << 30
    most_files: int = 10_000
    deepest: int = 16
    owners: frozenset[int] = field(default_factory=_owners)
