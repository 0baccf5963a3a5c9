"""The two readings of time that decisions are made with."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Now:
    """One reading of the daemon's clocks, in seconds.

    `steady` runs on through restarts of the daemon and of the machine, and never steps: every
    `due`, age and window is counted in it. `wall` is UTC since 1970: for records, and for the
    deadlines people write.
    """

    steady: float
    wall: float
