"""What every emulator stands on, and what a kind of emulator is."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from starlette.routing import Route

from orchestrator.emulators.database import Database
from orchestrator.emulators.faults import Faults, Switch
from orchestrator.emulators.objects import Objects
from orchestrator.emulators.work import Work

STARTS = "starts (run TEXT PRIMARY KEY, tags TEXT NOT NULL, at REAL NOT NULL)"
LIFETIME = 900.0  # seconds a presigned URL is good for


@dataclass(frozen=True, slots=True)
class Ground:
    """One emulator's state and means. `step` is how long what takes time over there takes, in s."""

    root: Path
    db: Database
    objects: Objects
    work: Work
    faults: Faults
    step: float

    def note_start(self, run: str, tags: Sequence[str]) -> None:
        """Keep for good that the service started a run: its own records may be erased."""
        values = {"run": run, "tags": json.dumps(list(tags)), "at": time.time()}
        self.db.do("INSERT INTO starts VALUES (:run, :tags, :at)", **values)

    def url(
        self, origin: str, method: str, bucket: str, key: str, more: Mapping[str, str] | None = None
    ) -> str:
        """Return a presigned URL at this emulator's object store."""
        where = f"{method} /s3/{bucket}/{key}"
        expired = self.faults.strike("expired-urls", where) is not None
        lifetime = 0.0 if expired else LIFETIME
        elsewhere = self.faults.strike("foreign-host", where)
        path = self.objects.url(method, bucket, key, lifetime, more or {})
        return f"{elsewhere or origin}{path}"


@dataclass(frozen=True, slots=True)
class Service:
    """One kind at work: its routes; `run` does what goes on beside requests, until cancelled.

    `credentials` and `configuration` are told to whoever started it, given the origin that it
    serves at; the configuration is TOML that fits orchestrator.toml.
    """

    routes: Sequence[Route]
    run: Callable[[], Awaitable[None]]
    credentials: Callable[[str], Mapping[str, object]]
    configuration: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Kind:
    """A service that can be emulated."""

    name: str
    faults: tuple[Switch, ...]
    open: Callable[[Ground], Service]
