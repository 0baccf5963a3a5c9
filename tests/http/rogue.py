"""A server that answers every request with whatever a test wants, byte for byte."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Connection:
    """What a behaviour works with: `head` and `body` of the request, and the way back."""

    socket: socket.socket
    head: bytes
    body: bytes
    stop: threading.Event

    def send(self, *parts: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(b"".join(parts))

    def drip(self, data: Iterator[bytes], every: float = 0.02) -> None:
        """Send pieces one after another, slowly, until the other side has gone."""
        for piece in data:
            self.socket.sendall(piece)
            if self.stop.wait(every):
                return

    def header(self, name: str) -> str | None:
        """Return a header of the request."""
        for line in self.head.decode("latin-1").split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


Behaviour = Callable[[Connection], object]


@dataclass
class Rogue:
    """A running server. `seen` holds every request, `connections` counts how many were accepted."""

    port: int
    scheme: str = "http"
    seen: list[bytes] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"{self.scheme}://127.0.0.1:{self.port}"


def answer(body: bytes = b"{}", status: str = "200 OK", *headers: str) -> bytes:
    """Return a reply as it should be."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def sends(data: bytes) -> Behaviour:
    """Answer every request with these bytes, and keep the connection."""
    return lambda it: it.send(data)


def sends_and_closes(data: bytes) -> Behaviour:
    """Answer with these bytes and close."""

    def behave(it: Connection) -> None:
        it.send(data)
        raise ConnectionAbortedError

    return behave


@contextmanager
def rogue(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, *, reads_body: bool = True
) -> Iterator[Rogue]:
    """Run the server until the context is left."""
    stop, open_sockets = threading.Event(), list[socket.socket]()

    def serve(raw: socket.socket) -> None:
        connection = raw
        with suppress(OSError):
            connection = tls.wrap_socket(raw, server_side=True) if tls else raw
            open_sockets.append(connection)
            left = b""
            while not stop.is_set():
                head, body, left = _request(connection, left, reads_body=reads_body)
                if not head:
                    break
                found.seen.append(head + body)
                behaviour(Connection(connection, head, body, stop))
        connection.close()
        raw.close()  # which is another one only where TLS was not agreed on

    def accept() -> None:
        with suppress(OSError):
            while True:
                raw, _ = server.accept()
                found.connections += 1
                open_sockets.append(raw)
                thread = threading.Thread(target=serve, args=(raw,), daemon=True)
                thread.start()
                threads.append(thread)

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        found = Rogue(server.getsockname()[1], "https" if tls else "http")
        accepting = threading.Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield found
        finally:
            stop.set()
            for one in (server, *open_sockets):
                with suppress(OSError):
                    socket.socket.shutdown(one, socket.SHUT_RDWR)
            accepting.join()
            for thread in threads:
                thread.join(10)
            for one in open_sockets:
                one.close()


def _request(
    connection: socket.socket, data: bytes, *, reads_body: bool
) -> tuple[bytes, bytes, bytes]:
    """Return head and body of the next request, and what came behind it; b"" at the end."""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return b"", b"", b""
        data += more
    head, _, begun = data.partition(b"\r\n\r\n")
    body, length = bytearray(begun), 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while reads_body and len(body) < length:
        more = connection.recv(65536)
        if not more:  # half a request is none
            return b"", b"", b""
        body += more
    return head + b"\r\n\r\n", bytes(body[:length]), bytes(body[length:])
