"""Plain values that decisions are tried on."""

from datetime import timedelta
from functools import partial
from typing import Any

from orchestrator.core.lifecycle import RunState, Want
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec, Limits, Retry
from orchestrator.core.work import Change, Work

NOW = Now(steady=1000.0, wall=50_000.0)
U = 0.25
SPOILT = "mesh (m), which it comes after, failed"
HUNDRED_SECONDS = Limits(time=timedelta(seconds=100))


def work(**fields: Any) -> Work:
    """Return a run that nothing is wrong with, with some fields as given."""
    limits, retry = fields.pop("limits", Limits()), fields.pop("retry", Retry())
    plain: dict[str, Any] = {
        "job": "j", "name": "wing", "backend": "there", "want": Want.RUN, "runs_allowed": 1,
        "spec": JobSpec(name="wing", run={}, limits=limits, retry=retry), "deadline": None,
        "run": "r", "key": "orch-homehome-r", "number": 1, "state": RunState.RUNNING,
        "version": 1, "tries": 0, "reason": "as it was", "memo": {},
    }  # fmt: skip
    return Work(**plain | fields)


STAYS = partial(Change, reason="as it was")
ENDS = partial(Change, due=1000.0)
