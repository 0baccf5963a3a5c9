"""What people write about this service: `[backends.NAME]` of this kind, and `[run]` of a job."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue
from pydantic_core import PydanticCustomError

from orchestrator.backends.http import Account
from orchestrator.backends.http.account import HostPattern, Url
from orchestrator.core.spec import Duration, SecretRef, Table

HOSTS = ("*.amazonaws.com", "*.thecrossproduct.xyz", "*.thecrossproduct.com")


class Options(Account):
    """Runs at TheCrossProduct, through its web API v1."""

    url: Url = "https://api.thecrossproduct.xyz/v1"
    """The address of the service."""
    mail: str = Field(min_length=3)
    """The mail address of the account."""
    password: SecretRef
    """The account's password, as a reference: { secret = "NAME" }."""
    folder: str = Field(default="orchestrator", pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$")
    """The folder of the account's storage below which every run has a folder of its own."""
    storage_hosts: tuple[HostPattern, ...] = HOSTS
    """Patterns of the hosts that signed links may lead to."""
    max_runs: int = Field(default=20, ge=1, le=10_000)
    """How many runs may be live at once."""
    absence_after: Duration = timedelta(minutes=15)
    """After a submit without an answer: how long until a run that is not listed is proved not to
    have been started. No figure is published; longer is safer."""


def _app(text: str) -> str:
    domain, slash, app = text.partition("/")
    if not (domain and slash and app) or not all(
        c.isascii() and (c.isalnum() or c in "._-") for c in domain + app
    ):
        raise PydanticCustomError(
            "app", 'expected "DOMAIN/APP", as `orchestrator remote NAME apps` lists them'
        )
    return text


def _tag(text: str) -> str:
    if text.startswith("orch-"):
        raise PydanticCustomError("tag", "a tag that begins with orch- is for the key of a run")
    return text


class RunTable(Table):
    """What to run: an app of the service, and its inputs."""

    app: Annotated[str, AfterValidator(_app)]
    """The app, as domain/name: sncf_reseau/railway_track_regression."""
    inputs: dict[str, JsonValue] = Field(default_factory=dict)
    """The inputs that the app asks for (`orchestrator remote NAME describe APP`). Where it wants a
    file: the file's address in the service's storage as text, or { input = "NAME" } for a file of
    this job's own inputs, which is uploaded."""
    pool: str | tuple[str, ...] | None = None
    """The pool of machines to run on, passed on as it is; without it the service's own choice."""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_tag)], ...] = ()
    """Tags for the run over there, beside the one that we find it by, which begins with orch-."""
    remove: Literal["nothing", "files", "all"] = "nothing"
    """What is removed over there once the results are stored here: nothing, the files of the run,
    or these and the record of the process."""
