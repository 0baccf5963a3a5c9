"""The kind `sostrades`: studies of a SoSTrades server, calculated with values of the job's."""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from pydantic import JsonValue

from orchestrator.backends.http.kind import service_kind
from orchestrator.backends.sostrades.model import Options, RunTable

USUAL_PORTS = {"http": 80, "https": 443}


def _study(options: Options, run: Mapping[str, JsonValue]) -> str:
    """Name the study of a job: the server serialises nothing, and one run spoils another."""
    at = urlsplit(options.url)  # which gives scheme and host in small letters
    port = "" if at.port in {None, USUAL_PORTS[at.scheme]} else f":{at.port}"
    return f"{at.scheme}://{at.hostname}{port}{at.path} study {run['study']}"


KIND = replace(
    service_kind(
        __name__,
        summary="studies of a SoSTrades server (coupled disciplines)",
        options=Options,
        run=RunTable,
    ),
    lease=_study,
)
