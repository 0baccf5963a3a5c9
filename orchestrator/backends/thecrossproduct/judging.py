"""What a process record says of a run. Pure.

States are an open set: each is the name of the app's current step, so every name may come. Final
are exactly `dead`, and whatever begins with `failed`. `terminated` is a step on the way to `dead`.
`dead` is an end, not a success: it is one only without errors.
"""

from orchestrator.backend import Alive, Answer, Finished
from orchestrator.backends.thecrossproduct.replies import Process
from orchestrator.log import shorten

LONGEST = 500  # characters of the service's own words that are passed on


def is_final(process: Process) -> bool:
    """Whether a process is at its end."""
    return process.state == "dead" or process.state.startswith("failed")


def judge(process: Process, *, stopping: bool) -> Answer:
    """Return how a run stands.

    A run that we asked to stop is never taken for a success: a killed process may well show no
    errors, and have left half of its outputs.
    """
    if not is_final(process):
        return Alive(f"state {_words(process.state)}")
    errors = _words(process.errors or "")
    state = _words(process.state)
    reason = f"{state}: {errors}" if errors else f"{state}, no errors"
    if stopping:
        return Finished(ok=False, reason=reason, stopped="cancel")
    return Finished(ok=process.state == "dead" and not errors, reason=reason)


def _words(text: str) -> str:
    return shorten(" ".join(text.split()), LONGEST)
