"""What ASGI has no words for: ending a connection, and what its bytes look like on the way.

uvicorn hands an application the `send` of its request cycle, whose `transport` is the connection.
"""

import asyncio
from typing import Any

from starlette.types import Send


def abort(send: Send) -> None:
    """End the connection at once; what was not sent is lost."""
    cycle = _cycle(send)
    cycle.disconnected = True  # else uvicorn would answer in our place
    cycle.transport.abort()


def close(send: Send) -> None:
    """End the connection after what was sent."""
    cycle = _cycle(send)
    cycle.disconnected = True
    cycle.transport.close()


def cut(send: Send, size: int) -> None:
    """Let only the first `size` bytes of the reply out, status line and headers included."""
    cycle = _cycle(send)
    cycle.transport = _Cut(cycle.transport, size)


def drip(send: Send, pause: float) -> None:
    """Let the reply out byte by byte, with `pause` seconds before each."""
    cycle = _cycle(send)
    cycle.transport = _Drip(cycle.transport, pause)


def _cycle(send: Send) -> Any:
    # The ignore has no reason beside it because mypy allows none: `send` is a bound method.
    return send.__self__  # type: ignore[attr-defined]


class _Cut:
    def __init__(self, transport: asyncio.Transport, left: int) -> None:
        self._transport, self._left = transport, left

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        self._transport.write(data[: self._left])
        self._left -= len(data)
        if self._left <= 0:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class _Drip:
    def __init__(self, transport: asyncio.Transport, pause: float) -> None:
        self._transport, self._pause = transport, pause
        self._waiting = bytearray()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def write(self, data: bytes) -> None:
        self._waiting += data
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._send())

    def close(self) -> None:
        self._closing = True
        if self._task is None:
            self._transport.close()

    async def _send(self) -> None:
        while self._waiting and not self._transport.is_closing():
            await asyncio.sleep(self._pause)
            self._transport.write(self._waiting[:1])
            del self._waiting[:1]
        self._task = None
        if self._closing:
            self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
