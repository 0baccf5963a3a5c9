"""The interface of the ways into a cluster. All judgement is above it."""

from collections.abc import Collection, Sequence
from typing import Protocol

from orchestrator.backends.http.asking import Use
from orchestrator.backends.slurm.values import Job, Order, Partition


class Way(Protocol):
    """One way in. Every call raises the five errors of the seam, and waits for nothing."""

    async def submit(self, order: Order) -> int:
        """Submit a job; return its number. Effect none only where Slurm itself refused it."""

    async def jobs(self, use: Use) -> Sequence[Job]:
        """Return all jobs of ours that the controller knows, as of now."""

    async def past(
        self, use: Use, *, ids: Collection[int] = (), name: str = ""
    ) -> Sequence[Job] | None:
        """Return what accounting knows by numbers or by a name; None where there is none at all."""

    async def cancel(self, job: int) -> None:
        """Ask for a job's end. One that has ended, or that nobody knows, is no error."""

    async def partitions(self, use: Use) -> Sequence[Partition]:
        """Return what the cluster offers."""

    async def version(self, use: Use) -> str:
        """Return in words what answers; it is asked for nothing else."""
