"""The kind `drmaatic`: scripts of a cluster behind DRMAAtic, in the words of 2023 or of 2025."""

from orchestrator.backends.drmaatic.model import Options, RunTable
from orchestrator.backends.http.kind import service_kind

KIND = service_kind(
    __name__,
    summary="scripts of a Slurm cluster, through the web service DRMAAtic",
    options=Options,
    run=RunTable,
)
