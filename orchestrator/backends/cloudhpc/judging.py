"""What a simulation says of a run. Pure.

COMPLETED tells that the script ended, not that its solver did well: the run's output decides.
"""

import re
from collections.abc import Sequence
from enum import IntEnum

from orchestrator.backend import Finished
from orchestrator.backends.cloudhpc.model import RunTable
from orchestrator.backends.cloudhpc.replies import Simulation
from orchestrator.document import value_text
from orchestrator.log import shorten

LONGEST = 300  # characters of a line of the output that are passed on
_DISK = re.compile(r"\bdisk\b.*(\bfull\b|\bspace\b|\b9\d(\.\d+)? ?%)|no space left", re.IGNORECASE)


class Status(IntEnum):
    """The states that are published."""

    COMPLETED = 10
    PENDING = 20
    RUNNING = 30
    STOPPING = 40
    STOPPED = 50
    ERROR = 60


ENDS = frozenset({Status.COMPLETED, Status.STOPPED, Status.ERROR})


def is_final(simulation: Simulation) -> bool:
    """Whether a simulation is at its end. A state that is not known is none."""
    return simulation.status in ENDS


def word(simulation: Simulation) -> str:
    """Return a simulation's state in the service's words."""
    try:
        return Status(simulation.status).name
    except ValueError:
        return f"status {simulation.status}"


def judge(simulation: Simulation, table: RunTable, *, stopping: bool) -> Finished:
    """Return how a run ended, from its whole record.

    A run that we asked to stop is never taken for a success: it may have left half of its outputs.
    """
    lines = [*simulation.output.splitlines(), *simulation.logs.splitlines()]
    said = word(simulation)
    if stopping:
        kept = "the service deletes its results" if table.stop == "hard" else "its results are kept"
        return Finished(
            ok=False, reason=f"{said}, after a {table.stop} stop: {kept}", stopped="cancel"
        )
    failed = _holding(lines, table.failure)
    if simulation.status == Status.STOPPED:
        full = next((line for line in lines if _DISK.search(line)), None)
        who = (
            f"by the service, for its disk was full: {_shown(full)}"
            if full
            else "but not by us: somebody did, or the service because its disk was 90 % full"
        )
        return Finished(ok=False, reason=f"{said}, {who}")
    if failed is not None:
        return Finished(ok=False, reason=f"{said}, but its output says {_shown(failed)}")
    if simulation.status == Status.ERROR:
        words = simulation.output.splitlines() or simulation.logs.splitlines()
        last = next((line for line in reversed(words) if line.strip()), None)
        return Finished(ok=False, reason=said if last is None else f"{said}: {_shown(last)}")
    if table.success is not None and _holding(lines, [table.success]) is None:
        never = f"{said}, but its output never says {value_text(table.success)}"
        return Finished(ok=False, reason=never)
    return Finished(ok=True, reason=said)


def _holding(lines: Sequence[str], words: Sequence[str]) -> str | None:
    """Return the first line that holds one of these; * in them stands for any text."""
    parts = [[part for part in one.split("*") if part] for one in words]
    return next((line for line in lines if any(_in_order(line, one) for one in parts)), None)


def _in_order(line: str, parts: Sequence[str]) -> bool:
    """Whether a line holds all these parts one after another; takes time in proportion to it."""
    at = 0
    for part in parts:
        found = line.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _shown(line: str) -> str:
    return value_text(shorten(" ".join(line.split()), LONGEST))
