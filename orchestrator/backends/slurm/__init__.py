"""The kind `slurm`: jobs of a Slurm cluster, through slurmrestd or by the commands."""

from orchestrator.backends.http.kind import service_kind
from orchestrator.backends.slurm.model import Options, RunTable

KIND = service_kind(
    __name__,
    summary="jobs of a Slurm cluster, through slurmrestd or its commands",
    options=Options,
    run=RunTable,
)
