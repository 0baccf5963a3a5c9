"""A run's name over there: a UUID, as the service writes it. Pure."""

from uuid import UUID

from orchestrator.backend import RejectedError, Run


def has_uuid(run: Run) -> bool:
    """Whether a run's id may be one; a person who adopted it may have named anything."""
    try:
        return run.remote_id is not None and bool(UUID(run.remote_id))
    except ValueError:
        return False


def uuid_of(run: Run) -> str:
    """Return a run's UUID. Raises RejectedError for another name."""
    if run.remote_id is None or not has_uuid(run):
        raise RejectedError(f"{run.remote_id!r} is no UUID of a run", effect="none")
    return str(UUID(run.remote_id))  # a person may write it in capitals
