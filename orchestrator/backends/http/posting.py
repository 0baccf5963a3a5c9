"""One call whose body is made of parts, on a connection of its own, from a worker thread.

httpx reads no reply before the whole body is out, and loses one that came before a reset: what a
service says that refuses a large body early must be heard.
"""

import select
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from anyio import CapacityLimiter
from anyio.to_thread import run_sync

from orchestrator.backend import ProtocolError, RejectedError
from orchestrator.backends.http.asking import Ask, Reply
from orchestrator.backends.http.failures import is_answer
from orchestrator.backends.http.guard import own
from orchestrator.backends.http.line import Line, line
from orchestrator.backends.http.multipart import Body, UnreadableError
from orchestrator.backends.http.replying import read_reply
from orchestrator.backends.http.storage import Storage

_LOST = (BrokenPipeError, ConnectionResetError, TimeoutError, ssl.SSLError)


@dataclass(slots=True)
class Posting:
    """A call that is made once. `url` is of the account's own service; `source` names it.

    `begun`: a byte of it may have gone out. `threads` bounds how many are made at once: whoever
    has a place among the calls need not wait for a thread, which may wait for such a place.
    """

    url: str
    source: str
    where: Storage
    ask: Ask
    headers: Mapping[str, str]
    body: Body
    threads: CapacityLimiter
    begun: bool = False
    _at: Line | None = field(default=None, init=False)
    _given_up: bool = field(default=False, init=False)

    async def made(self, limit: float) -> Reply:
        """Send it all and read the reply, within `limit` seconds; a cancel breaks it off.

        The files are read before anything is sent, and again while they are sent: one that changes
        in between breaks the call off. Raises RejectedError for a file that changed and
        UnreadableError for one that cannot be read, both with an honest effect; TransientError,
        ProtocolError.
        """
        made = partial(self._made, limit)
        try:
            return await run_sync(made, abandon_on_cancel=True, limiter=self.threads)
        finally:
            self._given_up = True  # a thread that is left behind by a cancel sends no more
            if self._at:
                self._at.ring()

    def _made(self, limit: float) -> Reply:
        until = time.monotonic() + limit
        for _ in self.body.files():
            if self._given_up:
                raise TimeoutError
        left = max(until - time.monotonic(), 0.0)
        where = replace(self.where, head_limit=min(self.where.head_limit, left))
        with line(own(self.url, where), where, effect=self.ask.effect) as at:
            self._at = at
            with at.alarm(until - time.monotonic()):
                return self._exchanged(at)

    def _exchanged(self, at: Line) -> Reply:
        if self._given_up:
            raise TimeoutError
        self.begun = True
        sized = {"Content-Type": self.body.content_type, "Content-Length": str(self.body.length)}
        at.end_by_reset(on=True)
        at.send_head(self.ask.method, {**self.headers, **sized})
        whole = self._sent(at)
        if whole:
            at.end_by_reset(on=False)
            at.socket.settimeout(None)  # it may think for long: the alarm rings in time
        reply = read_reply(at.reply(), at, self.ask, self.source)
        if not whole and is_answer(self.ask, reply.status):
            text = f"{self.source} answered {reply.status} before it had the whole call"
            raise ProtocolError(text, effect=at.effect)
        return reply

    def _sent(self, at: Line) -> bool:
        """Send the body; False when the service answers first, or takes no more: it may say why."""
        try:
            return all(_took(at, block) for block in self.body.blocks())
        except (RejectedError, UnreadableError) as error:
            error.effect = at.effect
            raise
        except _LOST:
            return False


def _took(at: Line, block: bytes) -> bool:
    ready = select.poll()
    ready.register(at.socket, select.POLLIN | select.POLLOUT)
    # Under TLS, what can be read may be no reply: a service may send tickets at any time.
    answered = 0 if isinstance(at.socket, ssl.SSLSocket) else select.POLLIN
    left = memoryview(block)
    while left:
        began = time.monotonic()
        events = ready.poll(at.where.patience * 1000)
        if not events:
            raise TimeoutError
        if events[0][1] & answered:
            return False
        sent = at.socket.send(left)
        at.waited(time.monotonic() - began, sent)
        left = left[sent:]
    return True
