"""The heart beats only while the engine turns and the queue can be written to."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backend import Traits
from orchestrator.core.faults import DiskFullError
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.heart import Heart
from orchestrator.daemon.projection import Projection
from orchestrator.store.home import found_home, read_home
from tests.engine.bench import Bench

WATCHDOG = 8.0  # seconds, of a virtual clock
A_WHILE = 18.0  # seconds in which there are few enough beats for a socket to keep them


@pytest.fixture
def beats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    """Count what systemd's watchdog has heard since the last look."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(0)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", str(int(WATCHDOG * 1e6)))

        def count() -> int:
            heard = 0
            while True:
                try:
                    assert listener.recv(100) == b"WATCHDOG=1"
                except BlockingIOError:
                    return heard
                heard += 1

        yield count


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """The real engine and queue, on a virtual clock."""
    bench = Bench(tmp_path, Traits())
    yield bench
    bench.loop.close()
    bench.conn.close()


def live(bench: Bench, seconds: float) -> None:
    """Let engine and heart live together for a while."""

    async def both() -> None:
        anchor = read_anchor(0.0)
        row = read_home(bench.conn) or found_home(bench.conn, "homehome", anchor)
        projection = Projection(bench.db, None, row.status_cursor, row.status_cursor)  # type: ignore[arg-type] # unused
        heart = Heart(bench.db, bench.now, bench.engine, projection)
        tasks = [asyncio.create_task(run()) for run in (bench.engine.run, heart.run)]
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    bench.run(both())


def is_a(fn: Callable[[], Any], work: str) -> bool:
    """Whether this is work of a kind on the queue: `_read` or `_commit`."""
    return isinstance(fn, partial) and fn.func.__name__ == work


def stick(bench: Bench, work: str) -> None:
    """Have one kind of work on the queue hang for ever from now on."""

    async def hop(fn: Callable[[], Any], /) -> Any:
        if is_a(fn, work):
            await asyncio.Event().wait()
        return fn()

    bench.db._hop = hop


def test_it_beats_often_enough(bench: Bench, beats: Callable[[], int]) -> None:
    """A daemon that is well would be restarted."""
    live(bench, A_WHILE)
    assert beats() >= 2 * A_WHILE / WATCHDOG


@pytest.mark.parametrize("work", ["_read", "_commit"], ids=["the engine", "a write"])
def test_it_is_silent_when_something_hangs(
    bench: Bench, beats: Callable[[], int], work: str
) -> None:
    """A daemon in which nothing moves would be taken for one that is well, for ever."""
    live(bench, A_WHILE)
    assert beats() > 0
    stick(bench, work)
    live(bench, A_WHILE)
    assert beats() == 0


def test_a_full_disk_is_no_reason_to_be_restarted(bench: Bench, beats: Callable[[], int]) -> None:
    """The daemon would be killed again and again until somebody makes room."""

    async def full(fn: Callable[[], Any], /) -> Any:
        if is_a(fn, "_commit"):
            raise DiskFullError("no space left on the device")
        return fn()

    bench.db._hop = full
    live(bench, A_WHILE)
    assert beats() >= 2 * A_WHILE / WATCHDOG
