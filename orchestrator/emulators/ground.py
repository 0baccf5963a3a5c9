"""What every emulator stands on, and what a kind of emulator is."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from starlette.requests import Request
from starlette.routing import Route

from orchestrator.emulators.clock import Clock
from orchestrator.emulators.database import Database
from orchestrator.emulators.dials import Dial, Dials
from orchestrator.emulators.faults import Faults, Switch
from orchestrator.emulators.objects import Objects
from orchestrator.emulators.signing import S3, Dialect
from orchestrator.emulators.work import Work

STARTS = "starts (run TEXT PRIMARY KEY, tags TEXT NOT NULL, at REAL NOT NULL)"
LIFETIME = 900.0  # seconds a presigned URL is good for


@dataclass(frozen=True, slots=True)
class Ground:
    """One emulator's state and means. `step` is how long what takes time over there takes, in s.

    `given` are the secrets that it gave out since it was started: tokens, and what signs a URL.
    """

    root: Path
    db: Database
    clock: Clock
    objects: Objects
    work: Work
    faults: Faults
    dials: Dials
    step: float
    given: list[str] = field(default_factory=list)

    def note_start(self, run: str, tags: Sequence[str]) -> None:
        """Keep for good that the service started a run: its own records may be erased."""
        values = {"run": run, "tags": json.dumps(list(tags)), "at": self.clock.now()}
        self.db.do("INSERT INTO starts VALUES (:run, :tags, :at)", **values)

    def url(
        self,
        origin: str,
        method: str,
        bucket: str,
        key: str,
        *,
        more: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Return a presigned URL at this emulator's object store."""
        where = f"{method} /s3/{bucket}/{key}"
        expired = self.faults.strike("expired-urls", where) is not None
        lifetime = 0.0 if expired else LIFETIME
        elsewhere = self.faults.strike("foreign-host", where)
        path = self.objects.url(
            method, bucket, key, more=more or {}, headers=headers or {}, lifetime=lifetime
        )
        self.given.append(path.partition(f"{self.objects.signer.dialect.signature}=")[2])
        return f"{elsewhere or origin}{path}"


@dataclass(frozen=True, slots=True)
class Service:
    """One kind at work: its routes; `run` does what goes on beside requests, until cancelled.

    `credentials` and `configuration` are told to whoever started it, given the origin that it
    serves at; the configuration is TOML that fits orchestrator.toml. `told` is what tests are told
    of this kind beside what all kinds tell; `control` are routes for what tests do to it.
    """

    routes: Sequence[Route]
    run: Callable[[], Awaitable[None]]
    credentials: Callable[[str], Mapping[str, object]]
    configuration: Callable[[str], str]
    told: Callable[[], Mapping[str, object]] = dict
    control: Sequence[Route] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A service that can be emulated."""

    name: str
    faults: tuple[Switch, ...]
    open: Callable[[Ground], Service]
    dials: tuple[Dial, ...] = ()
    dialect: Dialect = S3


def origin(request: Request) -> str:
    """Return scheme, host and port, as the caller sees them: URLs in replies lead back that way."""
    return str(request.base_url).rstrip("/")
