"""The supervisor's one loop: listen to the daemon, keep the runs, leave when there are none."""

import contextlib
import errno
import json
import os
import select
import signal
import socket
import struct
import time
import traceback
from typing import Any

from orchestrator.backends.supervisor import VERSION
from orchestrator.backends.supervisor.keeper import Keeper
from orchestrator.backends.supervisor.starting import Order

LONGEST_LINE = 16 * 1024 * 1024  # bytes; a command line and environment may have about 2 MiB
UNREAD = 4 * 1024 * 1024  # bytes of answers a connection may leave unread before it is dropped


class Connection:
    """One daemon's end of the socket, with what was not yet a whole line."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.greeted = False
        self.received = bytearray()
        self.unsent = bytearray()

    def send(self, message: dict[str, object]) -> None:
        """Send a line, or as much as goes now and the rest later; raise OSError when it is gone."""
        self.unsent += json.dumps(message).encode() + b"\n"
        self.flush()
        if len(self.unsent) > UNREAD:
            raise OSError(errno.ENOBUFS, "the daemon does not read its answers")

    def flush(self) -> None:
        """Send what can be sent without waiting."""
        with contextlib.suppress(BlockingIOError):
            while self.unsent:
                del self.unsent[: self.sock.send(self.unsent)]

    def receive(self) -> list[bytes]:
        """Return the whole lines that have come; raise OSError at the end of the connection."""
        chunk = self.sock.recv(1 << 18)
        if not chunk:
            raise OSError(errno.ECONNRESET, "closed")
        self.received += chunk
        if b"\n" not in chunk:
            if len(self.received) > LONGEST_LINE:
                raise OSError(errno.EMSGSIZE, "a request is too long")
            return []
        *lines, rest = self.received.split(b"\n")
        self.received = rest
        return [bytes(line) for line in lines]


class Server:
    """Serves one folder until nothing runs and nobody has been connected for `idle` seconds."""

    def __init__(self, runs: int, listener: socket.socket, idle: float) -> None:
        self._listener = listener
        self._idle = idle
        self._connections: dict[int, Connection] = {}
        self._poll = select.poll()
        self._ears, self._bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._keeper = Keeper(runs, self._tell_ended, self._ring)
        self._poll.register(listener, select.POLLIN)
        self._poll.register(self._ears, select.POLLIN)
        listener.settimeout(0)

    def serve(self) -> None:
        """Serve until it is time to leave."""
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, self._leave)
        quiet_since = time.monotonic()
        while True:
            wait = self._keeper.turn()
            if self._keeper or self._connections:
                quiet_since = time.monotonic()
            if not self._keeper:
                left = quiet_since + self._idle - time.monotonic()
                if self._keeper.leaving or left <= 0:
                    return
                wait = left if wait is None else min(wait, left)
            for descriptor, events in self._poll.poll(None if wait is None else wait * 1000 + 1):
                self._attend(descriptor, events)

    def _leave(self, *_: object) -> None:
        """Go once nothing runs. Runs are told by whoever shuts down; their ends are not ours."""
        self._keeper.leaving = True

    def _ring(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._bell, b".")

    def _attend(self, descriptor: int, events: int) -> None:
        if descriptor == self._ears:
            os.read(self._ears, 1 << 16)
        elif descriptor == self._listener.fileno():
            self._welcome()
        elif (connection := self._connections.get(descriptor)) is not None:
            try:
                if events & select.POLLOUT:
                    connection.flush()
                if events & ~select.POLLOUT:
                    for line in connection.receive():
                        self._answer(connection, line)
                self._watch(connection)
            except OSError:
                self._drop(connection)

    def _welcome(self) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            peer = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            _, uid, _ = struct.unpack("3i", peer)
            if uid != os.getuid():
                sock.close()
                return
            sock.settimeout(0)
            connection = self._connections[sock.fileno()] = Connection(sock)
            self._watch(connection)

    def _watch(self, connection: Connection) -> None:
        if connection.sock.fileno() in self._connections:
            events = select.POLLIN | (select.POLLOUT if connection.unsent else 0)
            self._poll.register(connection.sock, events)

    def _drop(self, connection: Connection) -> None:
        if self._connections.pop(connection.sock.fileno(), None) is not None:
            self._poll.unregister(connection.sock)
            connection.sock.close()

    def _answer(self, connection: Connection, line: bytes) -> None:
        """Act on one request; nothing in it may end the supervisor, nothing of it is logged."""
        if connection.sock.fileno() not in self._connections:
            return  # dropped by an earlier line
        request = _parsed(line)
        try:
            answer = {"ok": self._act(connection, request)}
        except OSError as error:
            answer = {"error": error.strerror or "input/output error", "effect": "none"}
        except Exception:  # noqa: BLE001 - other runs depend on this process: it must live
            traceback.print_exc()
            answer = {"error": "a fault of the supervisor (supervisor.log)", "effect": "possible"}
        connection.send({"id": request.get("id"), **answer})

    def _act(self, connection: Connection, request: dict[str, Any]) -> object:
        match request:
            case {"op": "hello"}:
                for other in [*self._connections.values()]:
                    if other is not connection:
                        self._drop(other)
                connection.greeted = True
                return {"version": VERSION, "pid": os.getpid()}
            case _ if not connection.greeted:
                raise OSError(errno.EPROTO, "the first request must be a hello")
            case {"op": "start", "order": order}:
                self._keeper.start(Order(**order))
                return None
            case {"op": "stop", "key": key, "cause": cause, "grace": grace}:
                self._keeper.stop(key, cause, grace)
                return None
            case {"op": "status", "keys": keys}:
                return self._keeper.status(keys)
        raise OSError(errno.ENOSYS, "not a request this supervisor knows")

    def _tell_ended(self, key: str) -> None:
        for connection in list(self._connections.values()):
            if connection.greeted:
                try:
                    connection.send({"ended": key})
                    self._watch(connection)
                except OSError:
                    self._drop(connection)


def _parsed(line: bytes) -> dict[str, Any]:
    """Return the object in a line; raise OSError, which ends the connection, for anything else."""
    try:
        request = json.loads(line)
    except ValueError:
        request = None
    if not isinstance(request, dict):
        raise OSError(errno.EPROTO, "not a request")
    return request
