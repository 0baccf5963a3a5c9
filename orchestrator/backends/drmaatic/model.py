"""What people write about this service: `[backends.NAME]` of this kind, and `[run]` of a job."""

from datetime import timedelta
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, WithJsonSchema

from orchestrator.backends.http import Account
from orchestrator.core.spec import Duration, Inside, SecretRef, Table

Text = Annotated[str, Field(max_length=5000)]
"""The service takes no longer value."""

Value = bool | int | float | Text
FieldName = Annotated[str, Field(min_length=1, max_length=100)]


def _check_uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        raise ValueError(
            "expected the UUID of a run, such as 7e3c6b37-8677-4942-aca3-27fed202daf7"
        ) from None


Uuid = Annotated[
    str, AfterValidator(_check_uuid), WithJsonSchema({"type": "string", "format": "uuid"})
]


class Options(Account):
    """Runs at a DRMAAtic service."""

    token: SecretRef | None = None
    """The token of the account, as a reference: { secret = "NAME" }; `orchestrator remote NAME
    exchange` gets one for an ORCID token. Without it, runs are anonymous: whoever knows its UUID
    can read such a run, and one whose submit had no answer waits for a person, because an anonymous
    account cannot look for it."""
    dialect: Literal["2023", "2025"] | None = None
    """Which words the service uses: those of 2023 (script, task) or of 2025 (task, job). Without
    it, the service is asked once."""
    max_runs: int = Field(default=20, ge=1, le=10_000)
    """How many runs may be live at once."""
    min_job_age: Duration = timedelta(minutes=5)
    """How long the cluster remembers how a run ended (MinJobAge of its Slurm). Live runs are asked
    about twice in that time; where `calls` does not allow that, or the daemon was not there, how
    a run ended is told by its files: by `proof`, or else by those that [outputs] include names."""
    received_limit: Duration = timedelta(minutes=15)
    """How long a run may be merely "received" until its job is held for a person: such a
    submission is in flight, or dead, and nothing tells which."""
    absence_after: Duration = timedelta(minutes=5)
    """After a submit without an answer: how long until a run that is not listed is proved not to
    have been started. No figure is published; longer is safer."""


class RunTable(Table):
    """What to run: an entry of the service's catalogue, with its parameters."""

    task: str = Field(min_length=1, max_length=200, pattern="^[^/]+$")
    """The entry, as `orchestrator remote NAME catalogue` lists them (a script in the words of 2023,
    a task in those of 2025)."""
    parameters: dict[FieldName, Value | tuple[Value, ...]] = Field(default_factory=dict)
    """Values by the names of the entry's parameters; a list gives one parameter several times. A
    parameter of type bool is a switch: false leaves it out."""
    files: dict[FieldName, Inside | tuple[Inside, ...]] = Field(default_factory=dict)
    """Names of inputs by the names of the entry's parameters of type file. The service renames a
    file: `deck` given wing.inp is deck.inp there, given two files deck_0.inp and deck_1.inp. Every
    input of the job must be given to one."""
    proof: tuple[Inside, ...] = ()
    """Patterns of files that a run leaves only when it has succeeded, such as "out_*.dat". Where
    there are any, they decide: each must fit a file. An array needs them, because the service tells
    how its last element ended, and of no other; so does a run whose end may come while nobody
    asks, because the service soon reports a forgotten failure as a success."""
    proof_wait: Duration = timedelta(minutes=1)
    """How long a run that the service calls finished may lack its proof. For an array: as long as
    the other elements may take after the last."""
    take: Literal["files", "zip"] = "files"
    """What is fetched: every file that [outputs] selects, or the one archive that the script made
    of its directory (that takes one call; [outputs] unpack opens it). Without such an archive: the
    files."""
    parent: Uuid | None = None
    """The UUID of a run at the service, in whose directory this one works. Its files are outputs of
    this one, too."""
    remove: Literal["nothing", "run"] = "nothing"
    """What is removed over there once the results are stored here: nothing, or the run with its
    files, unless other runs work in its directory."""
