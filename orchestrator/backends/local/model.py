"""What people write about local runs: `[backends.NAME]` of this kind, and `[run]` of a job."""

from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from orchestrator.core.spec import Duration, SecretRef, Table

RESERVED = "ORCHESTRATOR_"


class Options(Table):
    """Runs as processes on this machine."""

    max_runs: int = Field(default=0, ge=0, le=10_000)
    """How many may run at once; 0: as many as this machine has processors for us."""
    stop_grace: Duration = timedelta(seconds=10)
    """How long a run may take to end by itself when it is stopped (SIGTERM); then it is killed."""


def _no_nul(text: str) -> str:
    if "\0" in text:
        raise PydanticCustomError("nul", "expected text without a NUL character")
    return text


def _not_empty(text: str) -> str:
    if not text.strip():
        raise PydanticCustomError("script", "expected a script that is not empty")
    return text


def _words(value: Any) -> Any:
    if isinstance(value, str):
        raise PydanticCustomError(
            "command",
            'expected a list such as ["python3", "run.py"] (shell text goes into `script`)',
        )
    # A validator before a strict one hands on Python's values, where a list is no tuple.
    return tuple(value) if isinstance(value, list) else value


def _program(command: tuple[str, ...]) -> tuple[str, ...]:
    if not command or not command[0]:
        raise PydanticCustomError(
            "command", "expected a list that begins with the name of a program"
        )
    return command


def _text_or_secret(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    try:
        return check(value)
    except ValidationError:
        raise PydanticCustomError(
            "variable", 'expected text without NUL, or a reference { secret = "name" }'
        ) from None


def _variables(env: dict[str, Any]) -> dict[str, Any]:
    for name in env:
        if not name or "=" in name or "\0" in name:
            raise PydanticCustomError(
                "variable", "expected names of variables, not {name}", {"name": repr(name)}
            )
        if name.startswith(RESERVED):
            raise PydanticCustomError(
                "variable",
                "expected names without ORCHESTRATOR_ in front, which are ours, not {name}",
                {"name": name},
            )
    return env


def _inside(text: str) -> str:
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or "\0" in text:
        raise PydanticCustomError(
            "folder", "expected a folder inside the run's directory: relative, and without '..'"
        )
    return str(path)


Text = Annotated[str, AfterValidator(_no_nul)]
Variable = Annotated[Text | SecretRef, WrapValidator(_text_or_secret)]


class RunTable(Table):
    """What to run: a command or a script, one of the two."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["command"]}, {"required": ["script"]}]}
    )

    command: (
        Annotated[
            tuple[Text, ...],
            Field(json_schema_extra={"minItems": 1}),
            BeforeValidator(_words),
            AfterValidator(_program),
        ]
        | None
    ) = None
    """Program and arguments as a list; no shell reads them. A name with a slash is relative to
    `cwd`, one without is looked up in PATH."""
    script: Annotated[Text, AfterValidator(_not_empty)] | None = None
    """Text of a script. Its #! line says what runs it; without one, /bin/sh does."""
    env: Annotated[dict[str, Variable], AfterValidator(_variables)] = Field(default_factory=dict)
    """Environment variables, beside PATH, HOME, USER, LOGNAME, SHELL, LANG, LC_*, TZ and TMPDIR of
    the daemon: name → text, or { secret = "name" }."""
    cwd: Annotated[str, AfterValidator(_inside)] = "."
    """The folder to run in, inside the run's directory; made if it is not there."""

    @model_validator(mode="after")
    def _one_of_two(self) -> "RunTable":
        if (self.command is None) == (self.script is None):
            raise PydanticCustomError(
                "command_or_script", "expected either `command` (a list) or `script` (text)"
            )
        return self
