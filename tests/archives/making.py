"""Archives made byte by byte, as no honest program would make them."""

import gzip
import struct
import zlib
from collections.abc import Sequence

END = bytes(1024)


def header(
    name: bytes, size: int = 0, kind: bytes = b"0", *, link: bytes = b"", **fields: bytes
) -> bytes:
    """Return a tar header; `fields` overwrite what stands at their places, before the checksum."""
    places = {"digits": 124, "magic": 257, "prefix": 345, "sparse": 482, "mode": 100}
    block = bytearray(512)
    block[: len(name)] = name
    block[100:124] = b"0004755\0" + b"0000000\0" * 2
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"00000000000\0"
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar\00000"
    for field, value in fields.items():
        block[places[field] : places[field] + len(value)] = value
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def entry(name: bytes, data: bytes = b"", kind: bytes = b"0", **more: bytes) -> bytes:
    """Return a tar entry with its data."""
    return header(name, len(data), kind, **more) + data + bytes(-len(data) % 512)


def pax(*records: tuple[bytes, bytes], kind: bytes = b"x") -> bytes:
    """Return a header of pax records."""
    text = b""
    for key, value in records:
        line = b" " + key + b"=" + value + b"\n"
        length = len(line) + 1
        while len(b"%d" % length) + len(line) > length:
            length += 1
        text += b"%d" % length + line
    return entry(b"pax", text, kind)


def tar(*entries: bytes) -> bytes:
    """Return a tar archive."""
    return b"".join(entries) + END


def zipped(
    *members: tuple[bytes, bytes],
    mode: int = 0,
    flags: int = 0,
    method: int = 8,
    claims: int | None = None,
    local: bytes | None = None,
    hidden: bytes = b"",
) -> bytes:
    """Return a zip archive: of all members the same mode, flags and method.

    `claims` is the size that the directory tells of each, `local` the name in the local headers;
    `hidden` stands behind the data of each, and counts as part of it.
    """
    body, listed = b"", []
    for name, data in members:
        packer = zlib.compressobj(9, wbits=-15)
        packed = packer.compress(data) + packer.flush() if method == 8 else data
        packed += hidden
        size = len(data) if claims is None else claims
        about = struct.pack("<HHHHLLL", flags, method, 0, 0, zlib.crc32(data), len(packed), size)
        there = name if local is None else local
        listed.append((name, about, len(body), mode))
        body += b"PK\3\4" + struct.pack("<H", 20) + about + struct.pack("<HH", len(there), 0)
        body += there + packed
    return body + directory(listed, len(body))


def directory(listed: Sequence[tuple[bytes, bytes, int, int]], start: int) -> bytes:
    """Return a zip's directory and end: of each entry name, what is known of it, place, mode."""
    text = b""
    for name, about, place, mode in listed:
        text += b"PK\1\2" + struct.pack("<HH", 3 << 8 | 20, 20) + about
        text += struct.pack("<HHHHHLL", len(name), 0, 0, 0, 0, mode << 16, place) + name
    count = len(listed)
    return text + b"PK\5\6" + struct.pack("<HHHHLLH", 0, 0, count, count, len(text), start, 0)


def squeeze(data: bytes) -> bytes:
    """Return it as gzip does."""
    return gzip.compress(data, mtime=0)
