"""What orchestrator.toml may say, with the default of every key."""

import re
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SerializeAsAny,
    WithJsonSchema,
    model_validator,
)

from orchestrator.config.cron import Cron
from orchestrator.config.sizes import Size
from orchestrator.core.spec import Duration, Name, Table

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _check_variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        raise ValueError("expected the name of an environment variable")
    return text


def _check_file(text: str) -> str:
    if not text.startswith("/"):
        raise ValueError("expected an absolute path")
    return text


Variable = Annotated[
    str,
    AfterValidator(_check_variable),
    WithJsonSchema({"type": "string", "pattern": f"^{_VARIABLE.pattern}$"}),
]
SecretFile = Annotated[
    str, AfterValidator(_check_file), WithJsonSchema({"type": "string", "pattern": "^/"})
]


class Spool(Table):
    """The folder into which people drop job files, and what is taken from it."""

    scan_every: Duration = timedelta(seconds=5)
    """How often the whole folder is looked through; new files are noticed at once beside that."""
    settle: Duration = timedelta(seconds=2)
    """How long a file must stay unchanged where the system cannot tell that its writer is done."""
    largest_spec: Size = 1024**2
    """The most bytes a job file may have."""
    largest_folder: Size = 20 * 1024**3
    """The most bytes all files of a dropped folder may have together."""
    most_files: int = Field(default=10_000, ge=1)
    """The most files a dropped folder may hold."""
    deepest: int = Field(default=16, ge=1, le=100)
    """How many folders may lie inside each other in a dropped folder."""


class Results(Table):
    """The folder with the results."""

    keep_free: Size = 1024**3
    """While less of the disk is free (at most a fourth of it is asked for), no new job is taken or
    begun and no result fetched; they wait, nothing fails."""


class Log(Table):
    """The files in the folder log/."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least important message that orchestrator.jsonl takes."""
    largest: Size = 20 * 1000**2
    """The size at which a log file is put aside and a new one begun."""
    keep: int = Field(default=5, ge=1, le=1000)
    """How many log files that were put aside are kept, of each kind."""


class Upkeep(Table):
    """Chores at times that come again, in the machine's local time."""

    backup: Cron = "30 3 * * *"
    """When the queue is copied to state/backups/."""
    keep_backups: int = Field(default=7, ge=1, le=1000)
    """How many copies are kept."""
    check: Cron = "0 4 * * sun"
    """When the queue and all results are checked against what was recorded of them."""


class Secret(Table):
    """Where to read a secret: from exactly one place."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": [it]} for it in ("env", "file", "credential")]}
    )

    env: Variable | None = None
    """The environment variable of the daemon that holds it."""
    file: SecretFile | None = None
    """The absolute path of the file that holds it; only its owner may be able to read it."""
    credential: Name | None = None
    """The systemd credential that holds it (LoadCredential=NAME:…)."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(it is not None for it in (self.env, self.file, self.credential)) != 1:
            raise ValueError('expected exactly one of the keys "env", "file" and "credential"')
        return self


class ConfiguredBackend(Table):
    """A place where runs happen: its kind, and the options of that kind."""

    kind: str
    """The kind of backend."""
    options: SerializeAsAny[BaseModel]
    """All other keys of the table, checked by the kind's own model."""


class Config(Table):
    """The configuration of one daemon."""

    spool: Spool = Spool()
    results: Results = Results()
    log: Log = Log()
    upkeep: Upkeep = Upkeep()
    backends: dict[Name, ConfiguredBackend] = Field(default_factory=dict)
    """The places where runs happen, by the name that a job calls them; without any: one named
    local, of kind local."""
    secrets: dict[Name, Secret] = Field(default_factory=dict)
    """Where to read each secret, by the name that jobs and backends call it."""
