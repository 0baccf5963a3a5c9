"""What people write about this service: `[backends.NAME]` of this kind, and `[run]` of a job."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from orchestrator.backends.http import Account
from orchestrator.backends.http.account import HostPattern, Url
from orchestrator.core.spec import Duration, SecretRef, Table

HOSTS = ("storage.googleapis.com", "*.storage.googleapis.com", "*.cfdfeaservice.it")
KNOWN_FAILURES = ("@@@ ERROR", "@@@ FOLDER*not detected", "KILLED BY SIGNAL", "BAD TERMINATION")
"""What the output holds when a run failed although the service says COMPLETED: what the service
writes itself begins with @@@, the others are what MPI says of a process that died."""

Words = Annotated[str, Field(min_length=1, max_length=200)]
"""Text within one line of the output; * stands for any text."""


class Options(Account):
    """Runs at cloudHPC, through its web API v2."""

    url: Url = "https://cloud.cfdfeaservice.it/api/v2"
    """The address of the service."""
    api_key: SecretRef
    """The key of the account, as its profile page shows it, as a reference: { secret = "NAME" }."""
    storage_hosts: tuple[HostPattern, ...] = HOSTS
    """Patterns of the hosts that signed links may lead to."""
    max_runs: int = Field(default=20, ge=1, le=10_000)
    """How many runs may be live at once."""
    absence_after: Duration = timedelta(minutes=15)
    """After a submit without an answer: how long until a run that is not listed is proved not to
    have been started. No figure is published; longer is safer."""


class RunTable(Table):
    """What to run: a script of the service, in a folder that holds the job's inputs."""

    script: str = Field(min_length=1, max_length=200)
    """The script, as `orchestrator remote NAME scripts` lists them: calculiX-2.21-PARDISO."""
    cpu: int = Field(ge=1)
    """How many vCPUs, one of those that `orchestrator remote NAME cpus` lists."""
    ram: str = Field(min_length=1, max_length=100)
    """The kind of machine, one of those that `orchestrator remote NAME rams` lists: highcpu,
    standard, highmem …"""
    mesh: str | int | None = None
    """The mesh option of scripts that take one, passed on as it is."""
    spot: bool = False
    """Run on a spot machine: cheaper, but the service may begin the run anew at any time."""
    success: Words | None = None
    """What a line of the output must hold, or the run counts as failed although the service says
    COMPLETED. * stands for any text."""
    failure: tuple[Words, ...] = KNOWN_FAILURES
    """What no line of the output may hold, or the run counts as failed although the service says
    COMPLETED. * stands for any text."""
    stop: Literal["soft", "hard"] = "soft"
    """How the run is stopped on a cancel or at its time limit. soft: the solver ends in order,
    which takes minutes, and its results are kept. hard: at once, and the service deletes the
    results."""
    remove: Literal["nothing", "files"] = "nothing"
    """What is removed over there once the results are stored here: nothing (the service deletes
    files by itself 60 days after their creation), or the folder of the run."""
