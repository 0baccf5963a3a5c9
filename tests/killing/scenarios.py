"""Small homes in which everything happens that changes a disk, and what must come of them."""

import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator import cli
from orchestrator.config import Home
from orchestrator.core.intake import Verb
from orchestrator.spool import drop_file, drop_request

SETTINGS = """
[spool]
settle = "0.1s"
[results]
keep_free = 0
[upkeep]
backup = {backup}
[backends.local]
kind = "local"
max_runs = 2
stop_grace = "1s"
"""

# Each run leaves one line in the ledger, which lies outside of the home: two would be two runs.
NOTED = 'echo "$ORCHESTRATOR_JOB_NAME $ORCHESTRATOR_RUN" >> {ledger}\n'


@dataclass(frozen=True)
class Place:
    """One folder with a home, the ledger beside it, and what runs are given from outside."""

    root: Path

    @property
    def home(self) -> Home:
        """The home."""
        return Home(self.root / "home")

    @property
    def ledger(self) -> Path:
        """Where every run leaves a line."""
        return self.root / "ledger"

    @property
    def kit(self) -> Path:
        """Files for runs to pick up, and what a producer submits."""
        return self.root / "kit"


@dataclass(frozen=True)
class Scenario:
    """What is dropped; per job what is to be shown at the end, and after how many runs.

    `submits`: only a producer is swept, that submits what lies in the kit.
    """

    drop: Callable[[Place], None]
    ends: Mapping[str, str]
    runs: Mapping[str, int] = field(default_factory=dict)  # 1 where nothing is said
    rejected: int = 0
    backup: bool = False  # whether the daemon also copies the queue
    submits: bool = False

    def lines(self, job: str) -> list[str]:
        """Return what the runs of a job leave in the ledger."""
        return [f"{job} {number + 1}" for number in range(self.runs.get(job, 1))]


def script(place: Place, body: str, more: str = "") -> bytes:
    """Return a job file whose run leaves its line and then does something."""
    noted = NOTED.format(ledger=place.ledger)
    return f"[run]\nscript = '''\n#!/bin/sh\n{noted}{body}\n'''\n{more}".encode()


def _one(place: Place) -> None:
    """Drop a folder with an input, as `cp -r` leaves it."""
    _folder(place, place.home.spool / "one")


def _folder(place: Place, folder: Path) -> None:
    folder.mkdir()
    (folder / "job.toml").write_bytes(script(place, "mkdir d; cat in.txt > d/out.txt"))
    (folder / "in.txt").write_text("42\n")


def _many(place: Place) -> None:
    """Drop jobs that fail once, are held and released, are cancelled; and what is refused."""
    home = place.home
    fails = 'test "$ORCHESTRATOR_RUN" = 2'
    drop_file(home, script(place, fails, "[retry]\nattempts = 2\ndelay = 0.1\n"), "twice", ".toml")
    later = drop_file(home, script(place, "echo late"), "later", ".toml")
    drop_request(home, Verb.HOLD, later)
    drop_request(home, Verb.RELEASE, later)
    never = drop_file(home, script(place, "exit 3"), "never", ".toml")
    drop_request(home, Verb.CANCEL, never)
    # This run asks for its own end, and would go on for a while without an answer.
    stops = f"mv {place.kit}/*.json {home.spool}/; exec sleep 20"
    stopped = drop_file(home, script(place, stops), "stopped", ".toml")
    cancel = drop_request(home, Verb.CANCEL, stopped)
    (request,) = home.spool.glob(f"*{cancel}*")
    request.rename(place.kit / request.name)
    drop_file(home, b"[run\n", "odd", ".toml")
    drop_request(home, Verb.CANCEL, "nobody")


def _submit(place: Place) -> None:
    """Leave what a producer is to submit."""
    _folder(place, place.kit / "one")


SCENARIOS = {
    "one": Scenario(_one, {"one": "SUCCEEDED"}),
    "many": Scenario(
        _many,
        {"twice": "SUCCEEDED", "later": "SUCCEEDED", "never": "CANCELLED", "stopped": "CANCELLED"},
        {"twice": 2, "never": 0},
        rejected=2,
        backup=True,
    ),
    "submit": Scenario(_submit, {"one": "SUCCEEDED"}, submits=True),
}


def prepare(scenario: Scenario, place: Place) -> None:
    """Make a fresh home and drop what the scenario drops."""
    shutil.rmtree(place.root, ignore_errors=True)
    place.kit.mkdir(parents=True)
    place.ledger.touch()
    with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing), redirect_stderr(nothing):
        cli.run(["--home", str(place.home.root), "init"])
    backup = '"30 3 * * *"' if scenario.backup else "false"
    place.home.config.write_text(SETTINGS.format(backup=backup))
    scenario.drop(place)
