"""What people write about a cluster: `[backends.NAME]` of this kind, and `[run]` of a job."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from orchestrator.backends.http.account import Account, Url
from orchestrator.backends.local.model import RunTable as Program
from orchestrator.backends.slurm import words
from orchestrator.core.spec import Duration, SecretRef, Table

THEIRS = ("SLURM_", "SBATCH_", "SRUN_", "SQUEUE_", "SACCT_", "SCANCEL_")


def _path(text: str) -> str:
    if not text.startswith("/") or "\0" in text:
        raise ValueError("expected an absolute path")
    return text.rstrip("/") or "/"


def _shared(text: str) -> str:
    if set(text) & set("%\\") or not text.isprintable():
        raise ValueError("expected a path without '%' and '\\', which Slurm replaces in paths")
    return _path(text)


def _as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _checked(check: Callable[[str], object]) -> AfterValidator:
    def checked(text: str) -> str:
        check(text)
        return text.strip()

    return AfterValidator(checked)


Path = Annotated[str, AfterValidator(_path), WithJsonSchema({"type": "string", "pattern": "^/"})]
SharedPath = Annotated[
    str, AfterValidator(_shared), WithJsonSchema({"type": "string", "pattern": r"^/[^%\\]*$"})
]
Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\s\x00-\x1f\x7f]+$")]
Text = Annotated[str, BeforeValidator(_as_text), WithJsonSchema({"type": ["string", "integer"]})]
Size = Annotated[Text, _checked(words.mebibytes)]
Time = Annotated[Text, _checked(words.minutes)]
Nodes = Annotated[Text, _checked(words.nodes)]
Tasks = Annotated[Text, _checked(words.tasks)]
"""Values as Slurm writes them; a bare number will do."""


class Rest(Account):
    """Where slurmrestd answers: at `url`, with a token, or on a socket of this machine."""

    url: Url = "http://localhost"
    """The address of slurmrestd, such as http://head.example.org:6820."""
    socket: Path | None = None
    """The unix socket of slurmrestd, instead of `url`: it knows the user by the socket."""
    user: Word | None = None
    """The user as whom runs are made, whom the token is for."""
    token: SecretRef | None = None
    """The token of the user, as a reference: { secret = "NAME" }; `scontrol token` makes one."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        by_address = "url" in self.model_fields_set
        if by_address == (self.socket is not None):
            raise PydanticCustomError("rest", "expected either `url` or `socket`")
        if by_address and (self.user is None or self.token is None):
            raise PydanticCustomError("rest", "expected `user` and `token` beside `url`")
        return self


class Options(Table):
    """Runs as jobs of a Slurm cluster."""

    directory: SharedPath
    """A folder of a shared file system, which this machine and the nodes see by the same path; runs
    have their folders in it. It must belong to the user as whom runs are made."""
    rest: Rest | None = None
    """How slurmrestd is reached; without it, the commands of this machine are used."""
    conf: Path | None = None
    """The slurm.conf that the commands read; without it, what SLURM_CONF says, or the system's."""
    max_runs: int = Field(default=1000, ge=1, le=100_000)
    """How many runs may be live at once."""
    commands_at_once: int = Field(default=8, ge=1, le=64)
    """How many commands may run at once."""
    absence_after: Duration = timedelta(minutes=1)
    """After a submit without an answer: how long until a run that neither controller nor accounting
    knows is proved not to have been started. Longer than MessageTimeout of slurm.conf."""
    lost_after: Duration = timedelta(minutes=5)
    """How long neither controller nor accounting may know a run until it is given up."""


class RunTable(Program):
    """What to run, and what it needs, in Slurm's own words (see sbatch)."""

    partition: Word | None = None
    """The partition; several with commas."""
    account: Word | None = None
    """The account that is charged."""
    qos: Word | None = None
    """The quality of service."""
    reservation: Word | None = None
    """The reservation to run in."""
    constraint: Word | None = None
    """Features that nodes must have."""
    gres: Word | None = None
    """Generic resources of each node, such as "gpu:2"."""
    time: Time | None = None
    """The time limit as Slurm writes it: "90" (minutes), "1:30:00", "2-12" (days-hours). Slurm
    keeps whole minutes: others are rounded up. The shorter of this and [limits] time holds."""
    nodes: Nodes | None = None
    """How many nodes: "2", or from "2-4"."""
    ntasks: int | None = Field(default=None, ge=1, le=10_000_000)
    """How many tasks srun starts; also how many processors, times `cpus_per_task`."""
    cpus_per_task: int | None = Field(default=None, ge=1, le=65_533)
    """How many processors a task has."""
    mem: Size | None = None
    """Memory of each node: "16G" are 16 GiB, a bare number MiB; "0" is all that a node has."""
    array: Tasks | None = None
    """Tasks of an array, such as "0-15" or "1,3,5-7%2". All of them are one run, which succeeds
    when each of them does; SLURM_ARRAY_TASK_ID says which it is. They share the run's directory."""

    @model_validator(mode="after")
    def _leaves_theirs(self) -> Self:
        for name in self.env:
            if name.startswith(THEIRS):
                raise PydanticCustomError(
                    "variable",
                    "expected names of variables other than Slurm's own, not {name}",
                    {"name": name},
                )
        return self
