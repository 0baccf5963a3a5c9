"""Waiting for jobs from the command line."""

import time
from collections.abc import Sequence

from orchestrator.cli import homes, screen
from orchestrator.config.home import Home
from orchestrator.core.lifecycle import Shown
from orchestrator.log.escape import escape
from orchestrator.store import views

LOOK_EVERY = 0.2  # seconds
UNSUCCESSFUL = 1


def follow(home: Home, ids: Sequence[str]) -> int:
    """Tell on stderr how the jobs go on until each has ended, is held, or was rejected.

    Returns 0 if all succeeded, else 1.
    """
    told: dict[str, Shown] = {}
    while True:
        with homes.queue(home) as conn:
            progress = views.progress(conn, ids)
        for id_, job in progress.items():
            if told.get(id_) != job.shown:
                told[id_] = job.shown
                why = f": {escape(job.reason)}" if job.is_settled else ""
                screen.note(f"{id_} {escape(job.name)} {job.shown}{why}")
        if len(progress) == len(ids) and all(job.is_settled for job in progress.values()):
            break
        time.sleep(LOOK_EVERY)
    return 0 if all(shown is Shown.SUCCEEDED for shown in told.values()) else UNSUCCESSFUL
