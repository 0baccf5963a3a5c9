"""Backends for job files to name: stand-ins, so that these tests know no real one."""

from typing import Self

import pytest
from pydantic import BaseModel, Field, model_validator

from orchestrator.core.spec import Inside, Name, Table


class Reference(Table):
    """A secret, by its name in the configuration."""

    secret: Name


class Run(Table):
    """A program to run: `command` or `script`."""

    command: list[str] | None = None
    """The program and its arguments."""
    script: str | None = None
    """The text of a program; its first line names what runs it."""
    env: dict[str, str | Reference] = Field(default_factory=dict)
    """Environment variables."""
    cwd: Inside | None = None
    """Where to start it."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.command is None) == (self.script is None):
            raise ValueError('expected exactly one of the keys "command" and "script"')
        return self


class Solve(Table):
    """A study over there."""

    study: str
    """Its name."""
    mesh: list[str] | str = "fine"
    """One mesh, or several."""
    cores: int = Field(default=1, ge=1, le=64)
    """How many."""


@pytest.fixture
def kinds() -> dict[str, type[BaseModel]]:
    """Return the `[run]` model of each configured backend, by the backend's name."""
    return {"local": Run, "cluster": Solve}
