"""A run's name over there: the number of its study, and that of the execution. Pure."""

import re

from orchestrator.backend import RejectedError, Run
from orchestrator.backends.sostrades.model import RunTable

_NAME = re.compile(r"(\d{1,10})/(\d{1,18})", re.ASCII)


def remote_id(study: int, execution: int) -> str:
    """Return the name of an execution of a study, such as 21/57."""
    return f"{study}/{execution}"


def execution_of(run: Run) -> int:
    """Return the number of a run's execution. Raises RejectedError for what names none of it.

    A person who adopted the run may have named anything.
    """
    study = study_of(run)
    found = _NAME.fullmatch(run.remote_id or "")
    if found is None or int(found[1]) != study:
        raise RejectedError(
            f"{run.remote_id!r} is no execution of study {study}, such as {study}/57",
            effect="none",
        )
    return int(found[2])


def study_of(run: Run) -> int:
    """Return the number of the study that a run calculates."""
    return RunTable.model_validate(run.options).study
