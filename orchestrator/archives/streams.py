"""A file's bytes in order, expanded where it is compressed; never more of them than asked for."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, Protocol

from orchestrator.archives.rules import Limits, RefusedError, too_large

BLOCK = 64 << 10  # bytes: read, and expanded, at a time
XZ_MEMORY = 256 << 20  # bytes; the largest preset, xz -9, takes 65 MiB


class Expander(Protocol):
    """Expands one compressed member."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Take more of the member, give no more than so many bytes of what it holds."""


class Inflater:
    """zlib's, made to keep what it has not looked at, as the others do; `wbits` is as in zlib."""

    def __init__(self, wbits: int) -> None:
        self._zlib = zlib.decompressobj(wbits)

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""
        return self._zlib.eof

    @property
    def unused_data(self) -> bytes:
        """What came after its end."""
        return self._zlib.unused_data

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Take more of the member, give no more than so many bytes of what it holds."""
        return self._zlib.decompress(self._zlib.unconsumed_tail + data, max_length)


EXPANDERS: dict[bytes, Callable[[], Expander]] = {
    b"\x1f\x8b": lambda: Inflater(zlib.MAX_WBITS | 16),  # 16: with gzip's own header and checksum
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\0": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY),
}


class Stream:
    """Takes bytes from blocks by count. Raises RefusedError beyond the limit of bytes in all."""

    def __init__(self, file: BinaryIO, limits: Limits, go_on: Callable[[], None]) -> None:
        self._blocks, self._limits, self._go_on = _blocks(file), limits, go_on
        self._block, self._at, self._passed = b"", 0, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes; fewer only where they end."""
        taken = b""
        while len(taken) < count and self._fill():
            taken += self._next(count - len(taken))
        return taken

    def chunks(self, count: int) -> Iterator[bytes]:
        """Yield the next bytes, as they come. Raises RefusedError where they end too soon."""
        while count:
            if not self._fill():
                raise RefusedError("it is cut off")
            chunk = self._next(count)
            count -= len(chunk)
            yield chunk

    def drain(self) -> None:
        """Read to the end, where compressed data has its checksum."""
        while self._fill():
            self._next(BLOCK)

    def _fill(self) -> bool:
        """Have at least one byte; say whether there is one."""
        while self._at == len(self._block):
            self._go_on()
            self._block, self._at = next(self._blocks, b""), 0
            self._passed += len(self._block)
            if self._passed > self._limits.size:
                raise too_large(self._limits)
            if not self._block:
                return False
        return True

    def _next(self, count: int) -> bytes:
        taken = self._block[self._at : self._at + count]
        self._at += len(taken)
        return taken


def expand(member: Expander, data: bytes, read: Callable[[], bytes]) -> Iterator[bytes]:
    """Yield what a member holds, which begins with `data` and goes on with what is read.

    Raises RefusedError when it is damaged or cut off; what `read` raises is passed on.
    """
    while not member.eof:
        try:
            block = member.decompress(data, BLOCK)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            raise RefusedError(f"it cannot be expanded: {error}") from None
        if block:
            yield block
        data = b""
        if len(block) < BLOCK and not member.eof:
            data = read()
            if not data:
                raise RefusedError("it is cut off")


def _blocks(file: BinaryIO) -> Iterator[bytes]:
    """Yield a file's bytes, expanded if it begins as something compressed does."""
    read = partial(file.read, BLOCK)
    data = read()
    for magic, new in EXPANDERS.items():
        if data.startswith(magic):
            while data:  # one member follows another, or zeros that fill up a tape's block
                member = new()
                yield from expand(member, data, read)
                data = member.unused_data.lstrip(b"\0") or _behind_zeros(read)
            return
    while data:
        yield data
        data = read()


def _behind_zeros(read: Callable[[], bytes]) -> bytes:
    while data := read():
        if data := data.lstrip(b"\0"):
            break
    return data
