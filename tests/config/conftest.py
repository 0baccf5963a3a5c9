"""A home to put a configuration into, and stand-ins for the kinds of backend."""

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import BaseModel, Field

from orchestrator.config import Home
from orchestrator.core.spec import Duration, Table


class Processes(Table):
    """Processes on this workstation."""

    max_runs: int = Field(default=0, ge=0)
    """How many at once; 0: as many as there are processors."""
    stop_grace: Duration = timedelta(seconds=10)
    """How long a run may take to end."""


class Service(Table):
    """A service elsewhere."""

    url: str
    """Where it answers."""
    patience: Duration | None = None
    """How long to wait for it."""


@pytest.fixture
def kinds() -> dict[str, type[BaseModel]]:
    """Return the model of the options of each kind of backend."""
    return {"local": Processes, "service": Service}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return an empty home."""
    return Home(tmp_path)
