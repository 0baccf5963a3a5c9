"""A proxy that cuts a TCP connection after any byte, so that a call can be tried at every cut.

with cutting_proxy("127.0.0.1", port) as proxy:
    call(proxy.port)                               # not cut: proxy.passed tells its length
    for after in range(proxy.passed.down):
        proxy.cut = Cut("down", after, match=b"POST /run")
        call(proxy.port)
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Direction = Literal["up", "down"]
BLOCK = 64 << 10


class Cut(NamedTuple):
    """Cut after so many bytes; `up` is towards the service. Others than `match` begins go on."""

    direction: Direction
    after: int
    match: bytes = b""


@dataclass(slots=True)
class Passed:
    """Bytes that passed on the last connection that was to be cut."""

    up: int = 0
    down: int = 0


@dataclass
class Proxy:
    """Listens on `port` of this machine. `cut` may be changed at any time, for what comes next."""

    port: int
    cut: Cut | None = None
    passed: Passed = field(default_factory=Passed)
    cuts: int = 0  # made so far
    hang_up: Callable[[], None] = lambda: None  # listen no more, and close all that is open


@contextmanager
def cutting_proxy(host: str, port: int) -> Iterator[Proxy]:
    """Pass every connection on to a service until the context is left."""
    open_sockets: set[socket.socket] = set()
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = Proxy(server.getsockname()[1])
        accepting = threading.Thread(
            target=_accept, args=(server, (host, port), proxy, open_sockets), daemon=True
        )
        accepting.start()

        def hang_up() -> None:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            server.close()
            _close(*list(open_sockets))

        proxy.hang_up = hang_up
        try:
            yield proxy
        finally:
            hang_up()


def _accept(
    server: socket.socket,
    upstream: tuple[str, int],
    proxy: Proxy,
    open_sockets: set[socket.socket],
) -> None:
    while True:
        try:
            near, _ = server.accept()
        except OSError:
            return
        near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or it waits for 40 ms
        open_sockets.add(near)
        threading.Thread(
            target=_connect, args=(near, upstream, proxy, open_sockets), daemon=True
        ).start()


def _connect(
    near: socket.socket, upstream: tuple[str, int], proxy: Proxy, open_sockets: set[socket.socket]
) -> None:
    cut, first = proxy.cut, b""
    with suppress(OSError):
        while cut and len(first) < len(cut.match) and cut.match.startswith(first):
            more = near.recv(BLOCK)
            if not more:
                break
            first += more
        meant = cut is None or first.startswith(cut.match)
        passed = Passed()
        if meant:
            proxy.passed = passed
        far = socket.create_connection(upstream)
        far.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        open_sockets.add(far)
        link = _Link(proxy, cut if meant else None, passed)
        threading.Thread(target=link.pump, args=("down", far, near), daemon=True).start()
        link.pump("up", near, far, first)


@dataclass(frozen=True, slots=True)
class _Link:
    """One connection through the proxy; `cut` is None where it goes on."""

    proxy: Proxy
    cut: Cut | None
    passed: Passed

    def pump(
        self, direction: Direction, source: socket.socket, sink: socket.socket, data: bytes = b""
    ) -> None:
        """Pass bytes on in one direction until its end, or until they are enough."""
        with suppress(OSError):
            while True:
                waits = direction == "down" and not data  # for a reply to cut
                if self.cut and self.cut.direction == direction and not waits:
                    room = self.cut.after - getattr(self.passed, direction)
                    if len(data) >= room:
                        sink.sendall(data[:room])
                        setattr(self.passed, direction, self.cut.after)
                        self.proxy.cuts += 1
                        _close(source, sink)
                        return
                # Counted first: who has got the last byte may look at the count at once.
                setattr(self.passed, direction, getattr(self.passed, direction) + len(data))
                sink.sendall(data)
                data = source.recv(BLOCK)
                if not data:
                    sink.shutdown(socket.SHUT_WR)
                    return


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
