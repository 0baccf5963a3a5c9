"""The folder of a run in the account's storage, and the names that the service takes. Pure."""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestrator.backend import RejectedError, Run
from orchestrator.document import value_text

UPLOAD = "upload.tar.gz"
FORBIDDEN = frozenset(",()'$~\"#*? ")  # in the names of files and folders: a run would fail late
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST = 40  # characters of a job's name
ZONES = timedelta(hours=14)  # what a time without a zone may be off


def folder(run: Run) -> str:
    """Return the folder that is this attempt's alone; people recognise it by the job's name."""
    name = _UNFIT.sub("-", run.job_name)[:LONGEST].strip("-.")
    return f"{name}-{run.key}" if name else run.key


def check_names(names: Iterable[str]) -> None:
    """Raise RejectedError for inputs under names that the service does not take."""
    for name in sorted(names):
        bad = unfit(name)
        if bad:
            raise RejectedError(
                f"input {value_text(name)} holds {bad}, which the service does not take in names;"
                " give it another name in [inputs]",
                effect="none",
            )
        if name == UPLOAD:
            raise RejectedError(
                f"input {value_text(name)}: this is the name under which all inputs are sent; give"
                " it another name in [inputs]",
                effect="none",
            )


def unfit(name: str) -> str:
    """Return in words what the service does not take in a name, "" where there is nothing."""
    bad = sorted(set(name) & FORBIDDEN) + [c for c in name if not c.isprintable()]
    return " and ".join("a space" if c == " " else value_text(c) for c in bad)


def is_surely_before(created: str, begun: str) -> bool:
    """Whether a file was made before a run began, whatever zone the run's time is in.

    The service tells the one as ISO 8601, the other as `YYYY-MM-DD HH:MM:SS` without a zone.
    """
    try:
        one, other = (
            datetime.fromisoformat(text).replace(tzinfo=None) for text in (created, begun)
        )
    except ValueError:
        return False
    return one + ZONES < other
