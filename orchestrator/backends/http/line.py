"""One connection for one exchange, with a clock on it. For worker threads.

`http.client` bounds each read, but not all of them together: a server that sends a byte a second
would hold us for ever. An alarm shuts the socket until the reply begins; from then on the pace is
watched.
"""

import http.client
import io
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any

from orchestrator.backend import BackendError, Effect, ProtocolError, RejectedError, TransientError
from orchestrator.backends.http.guard import Target
from orchestrator.backends.http.headers import retry_after
from orchestrator.backends.http.storage import ExpiredError, Storage

ERROR_CAP = 16 << 10
_EXPIRED = (b"xpired", b"TokenRefresh", b"InvalidToken")


class _Lines(io.BufferedReader):
    """Reads lines that are whole: `http.client` takes an end within the headers for theirs."""

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if not line.endswith(b"\n"):
            raise http.client.IncompleteRead(line)
        return line


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:
        super().__init__(sock, *args, **more)
        self.fp = _Lines(self.fp.detach())


class Line:
    """A connection; `target` is where it leads, `effect` what a failure on it may have done.

    Before the first byte of a call that is none, afterwards `then`. `heed` is called after each
    piece of a body; what it raises ends the exchange.
    """

    def __init__(
        self, target: Target, where: Storage, then: Effect, heed: Callable[[], object]
    ) -> None:
        self.target, self.where = target, where
        self.effect: Effect = "none"
        self._then, self._heed = then, heed
        self._rung = self._resets = False
        self._waited, self._passed = 0.0, 0
        host, port = where.proxy or (target.host, target.port)
        self._http = http.client.HTTPConnection(host, port, timeout=where.patience)
        self._http.auto_open = 0
        self._http.response_class = _Response
        self._held: Any = None
        self._response: http.client.HTTPResponse | None = None

    @property
    def socket(self) -> socket.socket:
        """The open socket."""
        found: socket.socket = self._http.sock or self._held
        return found

    def connect(self) -> None:
        """Connect to an address that was looked up, or have the proxy do it."""
        target, secure = self.target, self.target.scheme == "https"
        if self.where.proxy:
            if secure:
                self._http.set_tunnel(target.host, target.port)
            self._http.connect()
        else:
            self._http.sock = _connected(target, self.where.patience)
        if secure:
            self._http.sock = self.where.tls.wrap_socket(
                self._http.sock, server_hostname=target.host, do_handshake_on_connect=False
            )
            self._http.sock.do_handshake()

    def send_head(self, method: str, headers: Mapping[str, str], body: bytes | None = None) -> None:
        """Write request line and headers, and a short body. RejectedError for what is no header."""
        target = self.target
        whole = self.where.proxy and target.scheme == "http"
        path = f"http://{target.authority}{target.path}" if whole else target.path
        self._http.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": target.authority, "Connection": "close", **headers}.items():
            try:
                self._http.putheader(name, value)
            except ValueError:
                text = f"{target.host}: the call cannot be written as HTTP"
                raise RejectedError(text, effect="none") from None
        self.effect = self._then
        self._http.endheaders(body)

    def reply(self) -> http.client.HTTPResponse:
        """Read until the reply's headers are there."""
        self._held = self._http.sock  # which `http.client` lets go of: the reply has it then
        self._response = self._http.getresponse()
        return self._response

    @contextmanager
    def alarm(self, limit: float) -> Iterator[None]:
        """Shut the socket when the body is not through after `limit` seconds: TimeoutError."""
        timer = Timer(limit, self.ring)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if self._rung:
            raise TimeoutError

    def ring(self) -> None:
        """End the exchange now, from whatever thread."""
        self._rung = True
        # What is to end by a reset must not be ended in good order before.
        how = socket.SHUT_RD if self._resets else socket.SHUT_RDWR
        with suppress(OSError, TypeError):
            # Not through SSLSocket, which would forget its TLS state under the reader's feet.
            socket.socket.shutdown(self.socket, how)

    def waited(self, seconds: float, passed: int) -> None:
        """Note that so many bytes passed while we waited; raises TransientError when too slow."""
        self._heed()
        if self._rung:
            raise TimeoutError
        self._waited += seconds
        self._passed += passed
        if self._waited >= self.where.window:
            rate, self._waited, self._passed = self._passed / self._waited, 0.0, 0
            if rate < self.where.least_rate:
                text = f"{self.target.shown}: only {rate:.0f} bytes a second passed"
                raise TransientError(text, effect=self.effect)

    def why(self, error: Exception) -> str:
        """Return in words why the exchange failed."""
        if self._rung or isinstance(error, TimeoutError):
            return f"{self.target.shown}: no answer in time"
        if "CERTIFICATE_VERIFY_FAILED" in str(error):
            return f"{self.target.shown}: its certificate is not accepted"
        return f"{self.target.shown}: the connection broke"

    def end_by_reset(self, *, on: bool) -> None:
        """Let a close be told as a reset: what came so far is not all there was to come."""
        self._resets = on
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", on, 0))

    def close(self) -> None:
        """Close the connection, which `http.client` hands over to the reply."""
        self._http.close()
        if self._response:
            self._response.close()


@contextmanager
def line(
    target: Target, where: Storage, *, effect: Effect, heed: Callable[[], object] = lambda: None
) -> Iterator[Line]:
    """Connect to a target; what breaks on the way is a TransientError."""
    opened = Line(target, where, effect, heed)
    failure: BackendError | None = None
    try:
        with opened.alarm(where.head_limit):
            opened.connect()
        yield opened
    except (OSError, http.client.HTTPException) as error:
        failure = TransientError(opened.why(error), effect=opened.effect)
    finally:
        opened.close()
    if failure:
        raise failure


def refusal(response: http.client.HTTPResponse, at: Line) -> BackendError:
    """Return what a status means that is not the one hoped for."""
    status, effect = response.status, at.effect
    text = f"{at.target.shown} answered {status}"
    body = b""
    with suppress(OSError, http.client.HTTPException):
        body = response.read1(ERROR_CAP)
    if status in {401, 403} or (status == 400 and any(word in body for word in _EXPIRED)):  # noqa: PLR2004
        return ExpiredError(f"{text}: the presigned address is not good any more", effect="none")
    pause = retry_after({k.lower(): v for k, v in response.headers.items()}, time.time())
    if status in {408, 425, 429} or status >= 500:  # noqa: PLR2004
        return TransientError(text, effect=effect, retry_after=pause.seconds if pause else None)
    if status >= 400:  # noqa: PLR2004
        return RejectedError(text, effect="none")
    return ProtocolError(f"{text}, which is not understood and not followed", effect=effect)


def _connected(target: Target, patience: float) -> socket.socket:
    last: OSError = OSError("no address")
    for address in target.addresses:
        try:
            found = socket.create_connection((address, target.port), timeout=patience)
        except OSError as error:
            last = error
            continue
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or a short end waits
        return found
    raise last
