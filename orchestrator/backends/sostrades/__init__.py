"""The kind `sostrades`: studies of a SoSTrades server, calculated with values of the job's."""

from orchestrator.backends.http.kind import service_kind
from orchestrator.backends.sostrades.model import Options, RunTable

KIND = service_kind(
    __name__,
    summary="studies of a SoSTrades server (coupled disciplines)",
    options=Options,
    run=RunTable,
)
