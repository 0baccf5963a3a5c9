"""What a run is called over there."""

from orchestrator.backend import Run
from orchestrator.backends.slurm.values import Job


def comment(run: Run) -> str:
    """Return the comment of a run's job: the key again, and what people recognise it by."""
    return f"{run.key} {run.job_name}"


def is_ours(job: Job, key: str) -> bool:
    """Whether a job carries a run's key. Accounting need not keep comments."""
    return job.name == key and (not job.comment or job.comment.split(" ")[0] == key)


def number_of(run: Run) -> int | None:
    """Return the number of a run's job; None where a person named something else."""
    text = run.remote_id or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 10 else None  # noqa: PLR2004 - no number of Slurm's is longer
