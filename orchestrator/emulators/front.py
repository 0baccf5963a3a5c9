"""What stands before every route: the log, the counts, and the faults of calls and replies."""

import asyncio
import gzip
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.emulators.connection import abort, close, cut, drip
from orchestrator.emulators.faults import Faults

CONTROL = "/_emulator"
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway</body></html>"
Strike = Callable[[str], str | None]
Change = Callable[[bytes], bytes]


class Front:
    """The outermost layer. Calls to /_emulator are neither counted nor struck by faults."""

    def __init__(
        self, app: ASGIApp, faults: Faults, log: Path, date: Callable[[], datetime]
    ) -> None:
        self.app, self.faults, self.log, self._date = app, faults, log, date
        self.calls: Counter[str] = Counter()
        self.under_way = 0  # calls whose work is not done, though the caller may have gone

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL):
            await self.app(scope, receive, send)
            return
        where = f"{scope['method']} {scope['path']}"
        before = self.faults.fired.copy()
        noted = False

        def note(status: int | None) -> None:
            nonlocal noted
            if not noted:
                self._note(scope, status, list(self.faults.fired - before))
            noted = True

        async def seen(message: Message) -> None:
            if message["type"] == "http.response.start":
                note(message["status"])  # before it is sent: who has the reply finds it counted
                date = format_datetime(self._date(), usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        def strike(name: str) -> str | None:
            return self.faults.strike(name, where)

        self.under_way += 1
        try:
            if not await _refused(strike, send, seen):
                await _answered(strike, partial(self.app, scope, receive), send, seen)
        except ClientDisconnect:
            pass  # a caller that goes in the middle of its body is no fault of ours
        finally:
            self.under_way -= 1
            note(None)

    def _note(self, scope: Scope, status: int | None, fired: list[str]) -> None:
        """Count and log one call: by its route, since paths may hold secrets; never a query."""
        route = f"{scope['method']} {getattr(scope.get('route'), 'path', 'refused before')}"
        self.calls[route] += 1
        line = {"at": time.time(), "call": route, "status": status, "faults": fired}
        with self.log.open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")


async def _refused(strike: Strike, raw: Send, send: Send) -> bool:
    """Answer without doing anything, if a fault wants that."""
    if (pause := strike("late")) is not None:
        await asyncio.sleep(float(pause))
    if strike("drop-before") is not None:
        abort(raw)
    elif (status := strike("error-before")) is not None:
        await reply(send, int(status), b'"Service Unavailable"')
    elif (after := strike("too-many")) is not None:
        headers = [(b"retry-after", after.encode())] if after else []
        await reply(send, 429, b'"Too many requests"', headers)
    elif (after := strike("too-many-until")) is not None:
        until = format_datetime(datetime.now(UTC) + timedelta(seconds=float(after)), usegmt=True)
        await reply(send, 429, b'"Too many requests"', [(b"retry-after", until.encode())])
    elif strike("forbidden") is not None:
        await reply(send, 403, b'"Forbidden"')
    elif (target := strike("redirect")) is not None:
        await reply(send, 307, b"", [(b"location", target.encode())])
    else:
        return False
    return True


async def _answered(
    strike: Strike, do: Callable[[Send], Awaitable[None]], raw: Send, send: Send
) -> None:
    """Do what was asked; spoil the reply, if a fault wants that."""
    if strike("drop-after") is not None:
        await do(_nowhere)
        abort(raw)
    elif (status := strike("error-after")) is not None:
        await do(_nowhere)
        await reply(send, int(status), b'"Bad Gateway"')
    elif strike("html") is not None:
        await do(_nowhere)
        await reply(send, 200, HTML, [(b"content-type", b"text/html")])
    elif strike("empty-json") is not None:
        await do(_nowhere)
        await reply(send, 200, b"", [(b"content-type", b"application/json")])
    else:
        if (size := strike("cut")) is not None:
            cut(raw, int(size))
        if (pause := strike("drip")) is not None:
            drip(raw, float(pause))
        await do(_spoiled(strike, raw, send))


def _spoiled(strike: Strike, raw: Send, send: Send) -> Send:
    """Return a way to send that changes the body, if faults want that."""
    changes: list[Change] = []
    if (missing := strike("short-body")) is not None:
        send = _unfinished(raw, send, int(missing))
    if strike("wrong-bytes") is not None:
        changes.append(lambda body: bytes(it ^ 1 for it in body[:1]) + body[1:])
    if (missing := strike("short-length")) is not None:
        size = int(missing)
        changes.append(lambda body: body[: max(len(body) - size, 0)])
    if strike("gzip") is not None:
        return _whole(send, [*changes, gzip.compress], (b"content-encoding", b"gzip"))
    return _whole(send, changes) if changes else send


def _whole(send: Send, changes: list[Change], *headers: tuple[bytes, bytes]) -> Send:
    """Return a way to send that changes a whole body, and Content-Length with it."""
    start: dict[str, Any] = {}
    body = bytearray()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body.extend(message.get("body", b""))
        if not message.get("more_body", False):
            changed = reduce(lambda it, change: change(it), changes, bytes(body))
            kept = [it for it in start["headers"] if it[0] != b"content-length"]
            length = (b"content-length", str(len(changed)).encode())
            await send(start | {"headers": [*kept, length, *headers]})
            await send({"type": "http.response.body", "body": changed})

    return collect


def _unfinished(raw: Send, send: Send, missing: int) -> Send:
    """Return a way to send that ends the connection some bytes before the end of the body."""
    body = bytearray()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            return
        body.extend(message.get("body", b""))
        if not message.get("more_body", False):
            kept = bytes(body[: max(len(body) - missing, 0)])
            await send({"type": "http.response.body", "body": kept, "more_body": True})
            close(raw)

    return collect


async def _nowhere(message: Message) -> None:
    """Take a reply that nobody will see."""


async def reply(
    send: Callable[[Message], Awaitable[None]],
    status: int,
    body: bytes,
    headers: list[tuple[bytes, bytes]] | None = None,
) -> None:
    """Send a whole reply; plain text unless a header says otherwise."""
    headers = headers or []
    if body and not any(name == b"content-type" for name, _ in headers):
        headers = [*headers, (b"content-type", b"text/plain; charset=utf-8")]
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
