"""The end of the control socket that asks."""

import socket
import struct
from contextlib import closing
from pathlib import Path

from pydantic import JsonValue

from orchestrator.backend import TransientError
from orchestrator.daemon.wire import LONGEST_ANSWER, Question, asked, read_answer, short

PATIENCE = 30  # seconds for the daemon to take a connection
ANSWER_SECONDS = 180.0  # what the daemon allows a call, and some more


class NobodyAnswersError(Exception):
    """No daemon listens at the socket."""


def call(path: Path, question: Question, file: int | None = None) -> JsonValue:
    """Ask the daemon that listens at a socket; wait for its answer.

    Raises NobodyAnswersError, and what the daemon raised.
    """
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)) as sock:
        # Not by settimeout: such a socket is told at once that the queue of connections is full.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", PATIENCE, 0))
        try:
            with short(path) as name:
                sock.connect(name)
        except (FileNotFoundError, ConnectionRefusedError):
            raise NobodyAnswersError from None
        except BlockingIOError:
            raise TransientError("the daemon is busy; try again", effect="none") from None
        try:
            _send(sock, asked(question), file)
            # The bytes of a file may take hours; the daemon watches over them.
            sock.settimeout(ANSWER_SECONDS if file is None else None)
            reply = _receive(sock)
        except TimeoutError:
            raise TransientError("the daemon does not answer") from None
        except OSError as error:
            raise TransientError(f"the daemon does not answer: {error.strerror}") from None
    return read_answer(reply)


def _send(sock: socket.socket, data: bytes, file: int | None) -> None:
    sent = 0 if file is None else socket.send_fds(sock, [data], [file])
    if sent < len(data):  # to send nothing may fail: the daemon may have answered and be gone
        sock.sendall(data[sent:])


def _receive(sock: socket.socket) -> bytes:
    data = bytearray()
    while len(data) <= LONGEST_ANSWER and (chunk := sock.recv(1 << 16)):
        data += chunk
    return bytes(data)
