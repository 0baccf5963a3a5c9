"""Pictures as a browser takes them: PNG with eight bits a colour, read with what Python brings."""

import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Picture:
    """Rows of pixels, each of which takes three or four bytes."""

    rows: list[bytearray]
    each: int

    def colours(
        self, left: int = 0, top: int = 0, right: int | None = None, bottom: int | None = None
    ) -> Counter[Colour]:
        """Count the colours of the pixels in a rectangle; right and bottom are not in it."""
        found: Counter[Colour] = Counter()
        for row in self.rows[top:bottom]:
            cut = row[left * self.each : None if right is None else right * self.each]
            red, green, blue = (cut[one :: self.each] for one in range(3))
            found.update(zip(red, green, blue, strict=True))
        return found


def picture(png: bytes) -> Picture:
    """Decode a PNG of colours that is not interlaced."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, header = 8, b"", b""
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        body = png[at + 8 : at + 8 + length]
        header, packed = (body if kind == b"IHDR" else header), packed + body * (kind == b"IDAT")
        at += 12 + length
    width, _, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    assert (depth, interlaced) == (8, 0)
    each = {2: 3, 6: 4}[colours]
    return Picture(list(_rows(zlib.decompress(packed), width * each, each)), each)


def _rows(data: bytes, length: int, each: int) -> Iterator[bytearray]:
    """Undo what each row was filtered by: a byte is told by those to its left and above."""
    above = bytearray(length)
    for start in range(0, len(data), length + 1):
        row = bytearray(data[start + 1 : start + 1 + length])
        match data[start]:
            case 1:
                for at in range(each, length):
                    row[at] = (row[at] + row[at - each]) & 255
            case 2:
                row = bytearray((one + up) & 255 for one, up in zip(row, above, strict=True))
            case 3:
                for at in range(length):
                    left = row[at - each] if at >= each else 0
                    row[at] = (row[at] + (left + above[at]) // 2) & 255
            case 4:
                for at in range(length):
                    left, corner = (row[at - each], above[at - each]) if at >= each else (0, 0)
                    row[at] = (row[at] + _paeth(left, above[at], corner)) & 255
        yield row
        above = row


def _paeth(left: int, up: int, corner: int) -> int:
    """Return which of three is nearest to what they would make together."""
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))
