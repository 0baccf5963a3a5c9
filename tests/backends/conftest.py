"""Local runs under test, and the means to wait for them without sleeping."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import anyio
import anyio.to_thread
import psutil
import pytest

from orchestrator.backends.local import KIND
from orchestrator.testing.contract import Place, open_place
from tests.backends.helpers import BODIES, supervisor_of


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    """Open the local backend in an empty folder; leave no process behind."""
    options = KIND.options(stop_grace="2s")
    async with open_place(KIND, options, tmp_path / "local", BODIES) as place:
        yield place
        keeper = psutil.Process(await supervisor_of(place))
        for process in [keeper, *keeper.children(recursive=True)]:
            process.kill()


@pytest.fixture
def told(tmp_path: Path) -> Callable[[], Awaitable[list[str]]]:
    """Return what waits for the words that a job writes to the pipe `told` beside the backend."""
    pipe = tmp_path / "told"
    os.mkfifo(pipe)

    async def wait() -> list[str]:
        with anyio.fail_after(30):
            text = await anyio.to_thread.run_sync(pipe.read_text, abandon_on_cancel=True)
        return text.split()

    return wait
