"""Where results lie: `results/<job name>-<job id>/<run number>/`, and `latest` beside the runs."""

import os
from contextlib import suppress
from pathlib import Path

LATEST = "latest"


def folder_of(job_name: str, job_id: str) -> str:
    """Return the name of a job's folder below `results/`."""
    return f"{job_name}-{job_id}"


def runs_in(job: Path) -> list[int]:
    """Return the numbers of the runs that are published in a job's folder, oldest first."""
    with suppress(FileNotFoundError):
        return sorted(int(run.name) for run in job.iterdir() if _is_number(run.name))
    return []


def point_latest(job: int, run: int) -> None:
    """Let `latest` lead to this run, atomically, unless it leads to a newer one already."""
    try:
        shown = os.readlink(LATEST, dir_fd=job)
    except FileNotFoundError:
        shown = ""
    if _is_number(shown) and int(shown) >= run:
        return
    new = f".{LATEST}.new"
    with suppress(FileNotFoundError):
        os.unlink(new, dir_fd=job)
    os.symlink(str(run), new, dir_fd=job)
    os.rename(new, LATEST, src_dir_fd=job, dst_dir_fd=job)


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdigit()
