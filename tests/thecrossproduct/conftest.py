"""The backend against the stand-in service, over real sockets on 127.0.0.1."""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from orchestrator.backend import Run
from orchestrator.backends.thecrossproduct import KIND, data, outputs
from orchestrator.backends.thecrossproduct.backend import TheCrossProduct
from orchestrator.backends.thecrossproduct.session import Session
from orchestrator.emulators.thecrossproduct.kind import KIND as EMULATED
from orchestrator.testing.contract import Bodies, Place, open_place
from orchestrator.testing.contract.place import LOOK_EVERY
from tests.emulated import Emulated, Ending, certificates, emulating

__all__ = ["certificates"]  # a fixture

PUT = "PUT /s3/{bucket}/{key:path}"
LOGIN = "GET /v1/auth/login"
Send = Callable[..., Awaitable[None]]


def shell(script: str, **inputs: Any) -> dict[str, Any]:
    """Return a [run] table for the shell."""
    return {"app": "emulator/shell", "inputs": {"script": script, **inputs}}


def _writes(name: str, times: int, then: str = "") -> Mapping[str, Any]:
    code = f"import sys; sys.stdout.buffer.write(bytes(range(256)) * {times})"
    return shell(f'mkdir -p "$(dirname {name})"; python3 -c "{code}" > {name}; {then}')


BODIES = Bodies(
    writes=_writes,
    copies=lambda source, name: shell(f"cp in {name}", files={"in": {"input": source}}),
    fails=lambda code: shell(f"exit {code}"),
    sleeps=shell("exec sleep 1000"),
    lingers=lambda name, times: _writes(name, times, then="exec sleep 1000"),
)


@pytest.fixture
def emulated(tmp_path: Path, ending: Ending) -> Iterator[Emulated]:
    """Serve the emulator in a thread."""
    with emulating(KIND, EMULATED, tmp_path / "service", ending) as emulated:
        yield emulated


@pytest.fixture
async def place(
    tmp_path: Path, emulated: Emulated, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Place]:
    """Open the backend; one listing of outputs counts, so that nobody waits a second."""
    monkeypatch.setattr(outputs, "SETTLED", 0.0)
    async with open_place(
        KIND, emulated.options, tmp_path / "place", BODIES, secrets=emulated.secrets
    ) as place:
        yield place


@pytest.fixture
async def lives(place: Place) -> Run:
    """A run that goes on until it is stopped."""
    return await place.started(place.run("1", place.bodies.sleeps))


@pytest.fixture
def backend(place: Place) -> TheCrossProduct:
    """The open backend itself."""
    assert isinstance(place.backend, TheCrossProduct)
    return place.backend


@pytest.fixture
def session(backend: TheCrossProduct) -> Session:
    """The backend's session, until it is opened again."""
    return backend.session


def session_of(place: Place) -> Session:
    """Return the session of the backend as it is open now."""
    assert isinstance(place.backend, TheCrossProduct)
    return place.backend.session


@pytest.fixture
def send(place: Place) -> Send:
    """Put bytes at an address of the account's storage; the MD5 that is told may be a wrong one."""

    async def send(uri: str, body: bytes, md5: str | None = None) -> None:
        session = session_of(place)
        deliver(await data.begin_upload(session, uri), body)
        await data.end_upload(session, uri, md5 or md5_of(body))

    return send


def deliver(link: str, body: bytes) -> str:
    """Send bytes to a signed link; return the ETag."""
    etag: str = httpx.put(link, content=body).raise_for_status().headers["etag"]
    return etag.strip('"')


def fetched(link: str) -> bytes:
    """Return the bytes behind a signed link."""
    return httpx.get(link).raise_for_status().content


def md5_of(body: bytes) -> str:
    """Return the MD5 in hex."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    """Wait for an effect that shows a moment after its call."""
    with anyio.fail_after(60):
        while not await true():  # noqa: ASYNC110 - nobody tells
            await anyio.sleep(LOOK_EVERY)
