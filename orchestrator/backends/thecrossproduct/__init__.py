"""The kind `thecrossproduct`: runs of the apps of TheCrossProduct, through its web API v1."""

from orchestrator.backends.http.kind import service_kind
from orchestrator.backends.thecrossproduct.model import Options, RunTable

KIND = service_kind(
    __name__,
    summary="apps of TheCrossProduct, through its web API",
    options=Options,
    run=RunTable,
)
