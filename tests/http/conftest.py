"""What tests of the HTTP ground share."""

import hashlib
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backends.http import Account, Door, FilePart, open_door, storage
from orchestrator.backends.http.trust import tls

CANARY = "canary-4f1d9c-secret"
LEAST_GROWTH = 50 << 20  # bytes that no reply may make us grow by

_tls = cache(tls)

OpenDoor = Callable[..., AbstractAsyncContextManager[Door]]


@pytest.fixture
def door(tmp_path: Path) -> OpenDoor:
    """Open a door to a URL, with a secret that must never get anywhere else."""

    @asynccontextmanager
    async def opened(url: str, **options: Any) -> AsyncIterator[Door]:
        account = Account(url=url, **options)
        tmp_path.joinpath("account").mkdir(exist_ok=True)
        proofs = {"Authorization": f"Bearer {CANARY}", "X-Api-Key": CANARY}
        async with open_door(
            account, tmp_path / "account", name="cloud", auth=lambda: proofs
        ) as it:
            yield it

    return opened


@pytest.fixture
def certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the system's authorities once, not at each of hundreds of openings."""
    monkeypatch.setattr(storage, "tls", _tls)


def file_part(path: Path, data: bytes, name: str = "file", filename: str | None = None) -> FilePart:
    """Write a file, and return the part of a form that it is."""
    path.write_bytes(data)
    return FilePart(name, filename or path.name, path, len(data), hashlib.sha256(data).hexdigest())


@contextmanager
def flat_memory() -> Iterator[None]:
    """Fail when this process needs 50 MB more than before at any time within."""
    Path("/proc/self/clear_refs").write_text("5")  # the highest so far becomes what it is now
    before = _highest()
    yield
    assert _highest() - before < LEAST_GROWTH


def _highest() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("VmHWM")]
    return int(line.split()[1]) << 10
