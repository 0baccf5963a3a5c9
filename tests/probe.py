"""A kind of backend as another package would add it, with verbs that do all that verbs may do."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
from pydantic import JsonValue

from orchestrator import backend as seam
from orchestrator.backend import Context, Diagnosis, Kind, Verb
from orchestrator.core.spec import Table
from tests.engine.bench import Scripted

HOSTILE = "\x1b[31mred\u202e\nline two"


class Options(Table):
    """What may be configured: a secret to show that it is reached, and how `examine` fails."""

    secret: str | None = None
    ill: str = ""


class RunTable(Table):
    """Nothing: no run is ever started here."""


@dataclass(slots=True, kw_only=True)
class Probe(Scripted):
    """An open backend; it opens and closes its own folder alone."""

    context: Context
    options: Options


@asynccontextmanager
async def _open(context: Context, options: Options) -> AsyncIterator[Probe]:
    if options.ill == "closed":
        raise seam.TransientError("nobody is there", effect="none")
    (context.directory / "opened").write_text(str(os.getpid()))
    yield Probe(context=context, options=options)


async def _echo(probe: Probe, *words: str) -> JsonValue:
    return {"backend": probe.context.name, "words": list(words), "pid": os.getpid()}


async def _ls(_: Probe) -> JsonValue:
    return [{"name": "a.dat", "size": 5}, {"name": HOSTILE, "size": None, "\x1b[1mkey": True}]


async def _whoami(probe: Probe) -> JsonValue:
    assert probe.options.secret is not None
    return probe.context.secret(probe.options.secret)[:1] + "…"


async def _get(_: Probe, name: str, file: int) -> JsonValue:
    os.write(file, f"the bytes of {name}\n".encode())
    if name == "broken":
        raise seam.TransientError("the connection broke", effect="none")
    return None


async def _put(_: Probe, file: int, name: str = "") -> JsonValue:
    return {"size": len(os.read(file, 1000)), "name": name}


async def _purge(probe: Probe) -> JsonValue:
    (probe.context.directory / "purged").touch()
    return None


async def _fail(_: Probe, kind: str, effect: str, wait: str = "") -> JsonValue:
    error = getattr(seam, kind)
    later = float(wait) if wait else None
    raise error(f"because of {HOSTILE}", effect=effect, retry_after=later)


async def _bug(_: Probe) -> JsonValue:
    raise ZeroDivisionError("a fault in the backend")


async def _wait(probe: Probe) -> JsonValue:
    """Say that it waits, wait for ever, and say when it is broken off."""
    waiting = probe.context.directory / f"waiting-{os.urandom(4).hex()}"
    waiting.touch()
    try:
        await anyio.sleep_forever()
    finally:
        waiting.unlink()
    return None


async def _examine(probe: Probe) -> Sequence[Diagnosis]:
    match probe.options.ill:
        case "":
            return [Diagnosis("ok", "logged in"), Diagnosis("warning", HOSTILE, "do something")]
        case "hangs":
            await anyio.sleep_forever()
        case "raises":
            raise seam.AuthError("the key has expired", effect="none")
    raise ZeroDivisionError


KIND = Kind(
    name="probe",
    summary="what tests ask",
    options=Options,
    run=RunTable,
    open=_open,
    max_runs=lambda _: 3,
    verbs=lambda: {
        "echo": Verb("Says it again.", _echo, ("WORD", "[MORE]")),
        "ls": Verb("Lists what is there.", _ls),
        "whoami": Verb("Tells the account.", _whoami),
        "get": Verb("Fetches a file.", _get, ("NAME", "FILE"), file="to here"),
        "put": Verb("Brings a file.", _put, ("FILE",), file="from here"),
        "purge": Verb("Removes all.", _purge, warning="everything of everybody is removed"),
        "fail": Verb("Fails.", _fail, ("CLASS", "EFFECT", "[WAIT]")),
        "bug": Verb("Meets a fault.", _bug),
        "wait": Verb("Waits.", _wait),
    },
    examine=_examine,
)


def install(site: Path, name: str = "probe") -> None:
    """Make a folder that, on PYTHONPATH, is a package which adds a kind by an entry point."""
    info = site / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    points = f"[orchestrator.backends]\n{name} = tests.{name}:KIND\n"
    (info / "entry_points.txt").write_text(points)
