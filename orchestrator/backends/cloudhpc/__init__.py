"""The kind `cloudhpc`: simulations of cloudHPC, through its web API v2."""

from orchestrator.backends.cloudhpc.model import Options, RunTable
from orchestrator.backends.http.kind import service_kind

KIND = service_kind(
    __name__,
    summary="simulations of cloudHPC (CalculiX, FDS, OpenFOAM …), through its web API",
    options=Options,
    run=RunTable,
)
