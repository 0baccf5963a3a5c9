"""The entries of a tar archive, in whatever dialect: V7, ustar, GNU, pax."""

import re
from collections.abc import Iterator

from orchestrator.archives.rules import FILE, FOLDER, Entry, RefusedError
from orchestrator.archives.streams import Stream

BLOCK = 512
MOST_TOLD = 1 << 20  # bytes of one header that only tells of the next entry

_KINDS = {
    b"0": FILE,
    b"\0": FILE,
    b"7": FILE,  # one that was to lie in one piece on the disk
    b"5": FOLDER,
    b"D": FOLDER,  # GNU: its data is a list of its files
    b"1": "hard link",
    b"2": "symbolic link",
    b"3": "device",
    b"4": "device",
    b"6": "fifo",
    b"S": "sparse file",
}
_WITHOUT_DATA = b"123456"  # whatever size their headers tell
_TELLING = b"gxXLK"
_LABEL = b"V"  # the name of the archive itself
_SPARSE = b"GNU.sparse."
_OCTAL = re.compile(rb"[0-7]+")
_LENGTH = re.compile(rb"([0-9]{1,7}) ")
Told = dict[bytes, bytes]
"""What headers before it tell of an entry, by the keys of pax."""


def entries(stream: Stream) -> Iterator[Entry]:
    """Yield the entries up to the archive's end mark; what follows that, no tar reads.

    Raises RefusedError for anything that is no whole tar archive.
    """
    told: Told = {}
    begun = False
    while any(header := stream.take(BLOCK)) or len(header) < BLOCK:
        if not _is_header(header):
            known = "it is damaged or cut off" if begun else "it is neither tar nor zip"
            raise RefusedError(known)
        kind, begun = header[156:157], True
        size = _size(header, {} if kind in _TELLING else told)
        if kind in _TELLING:
            told |= _told(kind, b"".join(stream.chunks(_bounded(size))))
        else:
            if kind == b"S":
                _skip_sparse_map(stream, header)
            entry = _entry(header, kind, told, stream.chunks(size))
            if kind != _LABEL:
                yield entry
            for _ in entry.chunks:
                pass
            told = {}
        for _ in stream.chunks(-size % BLOCK):
            pass
    if told:
        raise RefusedError("it is damaged: a header tells of an entry that does not come")
    stream.drain()


def _is_header(block: bytes) -> bool:
    """Whether its checksum holds: all bytes added up, its own field as if it were blank.

    Some old writers added them up as signed ones.
    """
    if len(block) < BLOCK:
        return False
    blank = block[:148] + b" " * 8 + block[156:]
    total = sum(blank)
    signed = total - 256 * sum(byte > 127 for byte in blank)  # noqa: PLR2004 - the sign's bit
    return _octal(block[148:156]) in {total, signed}


def _entry(header: bytes, kind: bytes, told: Told, chunks: Iterator[bytes]) -> Entry:
    name = _until_nul(header[:100])
    if header[257:263] == b"ustar\0" and header[345] != 0:
        name = _until_nul(header[345:500]) + b"/" + name
    name = told.get(b"path") or name
    what = _KINDS.get(kind, f"entry of type {kind!r}")
    if what == FILE and _SPARSE in told:
        what = "sparse file"
    if what == FILE and name.endswith(b"/"):  # before there was a type for folders
        what = FOLDER
    return Entry(name.decode("utf-8", "surrogateescape"), what, chunks)


def _size(header: bytes, told: Told) -> int:
    """Return how many bytes of data follow. Raises RefusedError when that cannot be told."""
    if header[156:157] in _WITHOUT_DATA:
        return 0
    field = told.get(b"size")
    if field is not None:
        size = int(field) if re.fullmatch(rb"[0-9]{1,19}", field) else None
    elif header[124] == 0x80:  # noqa: PLR2004 - GNU: not octal but binary, for 8 GiB and more
        size = int.from_bytes(header[125:136], "big")
    else:
        size = _octal(header[124:136])
    if size is None:
        raise RefusedError("it is damaged: an entry has no proper size")
    return size


def _octal(field: bytes) -> int | None:
    digits = _until_nul(field).strip(b" ") or b"0"
    return int(digits, 8) if _OCTAL.fullmatch(digits) else None


def _until_nul(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def _bounded(size: int) -> int:
    if size > MOST_TOLD:
        raise RefusedError(f"it has a header of {size} bytes")
    return size


def _told(kind: bytes, data: bytes) -> Told:
    """Return what a header tells of the entry that follows it."""
    if kind == b"L":
        return {b"path": _until_nul(data)}
    if kind == b"K":
        return {}  # where a link leads
    records = _records(data)
    if records and kind == b"g":
        raise RefusedError("it tells one name or size for all of its entries")
    return records


def _records(data: bytes) -> Told:
    """Return what matters here of a pax header's records: `LENGTH KEY=VALUE` and a line feed."""
    records: Told = {}
    at = 0
    while at < len(data):
        length = _LENGTH.match(data, at)
        end = at + int(length[1]) if length else 0
        key, equals, value = data[length.end() if length else at : end].partition(b"=")
        if not (at < end <= len(data) and equals and value.endswith(b"\n")):
            raise RefusedError("it is damaged: a pax header cannot be read")
        if key.startswith(_SPARSE):
            key = _SPARSE  # one of them tells enough
        if key in {b"path", b"size", _SPARSE}:
            records[key] = value[:-1]
        at = end
    return records


def _skip_sparse_map(stream: Stream, header: bytes) -> None:
    goes_on = header[482]
    while goes_on:
        block = b"".join(stream.chunks(BLOCK))
        goes_on = block[504]
