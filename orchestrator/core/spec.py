"""The job spec: what a user writes, checked and with every default filled in."""

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    WithJsonSchema,
)

from orchestrator.core.durations import parse_duration
from orchestrator.core.moments import parse_moment
from orchestrator.core.paths import check_inside, check_source

Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(timedelta.total_seconds),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "string"}],
            "examples": ["90s", "15 min", "1h30m", "2 days", 90],
        }
    ),
]
"""A number of seconds, or text such as "90s", "15 min", "1h30m", "2 days"."""

Moment = Annotated[AwareDatetime, BeforeValidator(parse_moment)]
"""A date and time with its offset, such as 2027-01-31T18:00:00Z."""

MOST_AFTER = 100  # jobs that one may come after

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(text: str) -> str:
    """Return a name; raise ValueError, saying what was expected, for any other text."""
    if _NAME.fullmatch(text) is None:
        raise ValueError(
            "expected a name of at most 64 letters, digits, dots, underscores and hyphens"
            " that begins with a letter or digit"
        )
    return text


Name = Annotated[
    str,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"}),
]
"""Letters, digits, dot, underscore and hyphen; begins with a letter or digit; at most 64."""

Inside = Annotated[str, AfterValidator(check_inside)]
"""A relative path, or a pattern of such paths, that can not leave the run's directory."""

InputSource = Annotated[str, AfterValidator(check_source)]
"""A file beside the spec, or an absolute path."""


def _once_each(words: tuple[str, ...]) -> tuple[str, ...]:
    for n, word in enumerate(words):
        if word in words[:n]:
            raise ValueError(f"expected each job once; {word} is there twice")
    return words


class Table(BaseModel):
    """A table of a spec or of the configuration: unknown keys are errors, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class SecretRef(Table):
    """A secret by its name: its value is looked up when it is needed, and never stored."""

    secret: Name
    """The secret's name: there is a table [secrets.NAME] in orchestrator.toml."""


class Outputs(Table):
    """Which files of the run are its results."""

    include: tuple[Inside, ...] | None = None
    """Patterns such as "*.dat" or "plots/**/*.png", relative to the run's directory. Without it:
    every file there that was not an input."""
    exclude: tuple[Inside, ...] = ()
    """Patterns of files to leave behind."""
    unpack: tuple[Inside, ...] = ()
    """Patterns of archives among the outputs, such as "*.tar.gz", to be unpacked beside themselves:
    tar (plain, gzip, bzip2, xz) and zip. The archive is kept, too."""


class Limits(Table):
    """When to stop a run."""

    time: Duration | None = None
    """How long one run may take from its start; it is stopped then."""
    deadline: Moment | None = None
    """The moment from which the job is not worth running: stopped then, or never started. A date
    and time with its offset, such as 2027-01-31T18:00:00Z."""


class Retry(Table):
    """What to do when a run ends badly."""

    attempts: int = Field(default=1, ge=1, le=100)
    """How many runs the job may have in all."""
    delay: Duration = timedelta(seconds=10)
    """How long to wait before the second run; doubled before each further one, up to an hour."""
    on: frozenset[Literal["failed", "timed_out"]] = frozenset({"failed"})
    """Which ends are worth another run."""


class JobSpec(Table):
    """One job."""

    name: Name
    """What people call the job; need not be unique. Without it: the name of the file or folder."""
    backend: Name = "local"
    """Where it runs: the NAME of a [backends.NAME] table in orchestrator.toml."""
    run: dict[str, JsonValue]
    """What to run; which keys there are depends on the kind of backend."""
    inputs: dict[Inside, InputSource] | None = None
    """Name in the run → file beside the spec, or absolute path. Without it, for a folder: every
    file beside job.toml, under its own name."""
    outputs: Outputs = Outputs()
    """Which files of the run are its results."""
    limits: Limits = Limits()
    """When to stop a run."""
    retry: Retry = Retry()
    """What to do when a run ends badly."""
    after: Annotated[
        tuple[Name, ...],
        AfterValidator(_once_each),
        Field(max_length=MOST_AFTER, json_schema_extra={"uniqueItems": True}),
    ] = ()
    """Jobs that must have succeeded before this one starts; when one of them ends otherwise, this
    one ends, too. Each is a job's id, the beginning of its id, or its name: the newest job of that
    name taken before this one, or else the first that is taken later."""
    tags: tuple[Annotated[str, Field(min_length=1, max_length=64)], ...] = ()
    """Words to find the job by."""
