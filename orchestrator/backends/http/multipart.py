"""A form with files as one body whose length is known before it is sent (RFC 7578).

Names are escaped as browsers do; values are sent as they are.
"""

import hashlib
import os
import secrets
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.backend import RejectedError, TransientError
from orchestrator.log import escape

BLOCK = 1 << 20
_ESCAPES = str.maketrans({'"': "%22", "\r": "%0D", "\n": "%0A"})
_GONE = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)


@dataclass(frozen=True, slots=True)
class Field:
    """A text of a form. Names may repeat: so a form gives several values."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class FilePart:
    """A file of this machine in a form: `size` in bytes and `sha256` in hex are what it must be.

    `filename` is what the service is told that it is called.
    """

    name: str
    filename: str
    path: Path
    size: int
    sha256: str


class UnreadableError(TransientError):
    """A file of this machine cannot be read now, which is no fault of the service."""


class Body:
    """Parts, in the order given. Raises UnicodeEncodeError for what is no text in UTF-8."""

    def __init__(self, parts: Sequence[Field | FilePart]) -> None:
        self._parts = [(_head(part), part) for part in parts]
        told = b"".join(_in_memory(head, part) for head, part in self._parts)
        # No file can hold it either: it is drawn after the files were written.
        boundary = secrets.token_hex(16).encode()
        while boundary in told:
            boundary = secrets.token_hex(16).encode()
        self._between, self._end = b"--%b\r\n" % boundary, b"--%b--\r\n" % boundary
        self.content_type = f"multipart/form-data; boundary={boundary.decode()}"
        files = sum(part.size for part in parts if isinstance(part, FilePart))
        each = len(self._between) + len(b"\r\n")
        self.length = len(told) + files + each * len(self._parts) + len(self._end)

    def files(self) -> Iterator[bytes]:
        """Give what the files hold in blocks; raises what `blocks` raises."""
        for _, part in self._parts:
            if isinstance(part, FilePart):
                yield from _read(part)

    def blocks(self) -> Iterator[bytes]:
        """Give the whole body in blocks of about 1 MiB.

        The last bytes of a file are given only when all of it is what it must be: raises
        RejectedError before them when it is not, UnreadableError when it cannot be read now. A
        body that ended there is never a whole one.
        """
        held = bytearray()
        for piece in self._pieces():
            held += piece
            if len(held) >= BLOCK:
                yield bytes(held)
                held.clear()
        yield bytes(held)

    def _pieces(self) -> Iterator[bytes]:
        for head, part in self._parts:
            yield self._between
            yield _in_memory(head, part)
            if isinstance(part, FilePart):
                yield from _read(part)
            yield b"\r\n"
        yield self._end


def _head(part: Field | FilePart) -> bytes:
    named = f'Content-Disposition: form-data; name="{part.name.translate(_ESCAPES)}"'
    if isinstance(part, FilePart):
        named += f'; filename="{part.filename.translate(_ESCAPES)}"'
        named += "\r\nContent-Type: application/octet-stream"
    return f"{named}\r\n\r\n".encode()


def _in_memory(head: bytes, part: Field | FilePart) -> bytes:
    return head + part.value.encode() if isinstance(part, Field) else head


def _read(part: FilePart) -> Iterator[bytes]:
    """Give a file in blocks, the last one only when size and SHA-256 of all are right."""
    shown = escape(str(part.path))
    try:
        # A pipe that was put in its place would else be waited for.
        fd = os.open(part.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(fd, "rb", buffering=0) as file:
            found, hashed, left = os.fstat(fd), hashlib.sha256(), part.size
            if not stat.S_ISREG(found.st_mode) or found.st_size != part.size:
                raise _changed(shown)
            while True:
                block = file.read(min(BLOCK, left)) if left else b""
                hashed.update(block)
                left -= len(block)
                if left and block:
                    yield block
                    continue
                if left or file.read(1) or hashed.hexdigest() != part.sha256.lower():
                    raise _changed(shown)
                yield block
                return
    except _GONE as error:
        raise RejectedError(f"{shown} changed: {error.strerror}", effect="none") from None
    except OSError as error:
        text = f"{shown} cannot be read now: {error.strerror}"
        raise UnreadableError(text, effect="none") from None


def _changed(shown: str) -> RejectedError:
    return RejectedError(f"{shown} changed after it was taken in", effect="none")
