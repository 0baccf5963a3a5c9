"""The entries of a zip archive, by its directory; its parts must fill it without overlapping."""

import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, NamedTuple

from orchestrator.archives.rules import (
    FILE,
    FOLDER,
    Entry,
    Limits,
    RefusedError,
    shown,
    too_large,
    too_many,
)
from orchestrator.archives.streams import BLOCK, Inflater, expand

MAGICS = (b"PK\3\4", b"PK\5\6")  # the first file, or the end of an empty archive

_END = Struct("<4s4H2LH")
_END_64 = Struct("<4sQ2H2L4Q")
_LOCATOR_64 = Struct("<4sLQL")
_LISTED = Struct("<4s6H3L5H2L")
_LOCAL = Struct("<4s5H3L2H")
_PAIR = Struct("<2H")
_LONGS = Struct("<Q")
_MOST_COMMENT = 0xFFFF
MOST_DIRECTORY = 32 << 20  # bytes: it is kept in memory
_ID_64 = 1
_IN_64 = 0xFFFFFFFF  # "see the field of 64 bits"
_ENCRYPTED = 0x2041  # bits: encrypted, strongly so, its directory too
_UTF_8 = 0x800
_STORED, _DEFLATED = 0, 8
_UNIX = {3, 19}  # who made it: then it has a mode


class _Directory(NamedTuple):
    start: int
    end: int
    entries: int


@dataclass(frozen=True, slots=True)
class _Member:
    """What the directory says of an entry. `start` is where its local header stands."""

    name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    mode: int
    start: int

    @property
    def text(self) -> str:
        """The name: as it should be, as most write it, or as it was meant to be in 1989."""
        try:
            return self.name.decode("utf-8")
        except UnicodeDecodeError:
            return self.name.decode("utf-8" if self.flags & _UTF_8 else "cp437", "surrogateescape")

    @property
    def kind(self) -> str:
        """What it is: see `Entry`."""
        if self.name.endswith(b"/"):
            return FOLDER
        match stat.S_IFMT(self.mode):
            case 0 | stat.S_IFREG:
                return FILE
            case stat.S_IFLNK:
                return "symbolic link"
        return "device"


def entries(file: BinaryIO, limits: Limits, go_on: Callable[[], None]) -> Iterator[Entry]:
    """Yield the entries in the order of the directory; `go_on` is called for each block.

    Raises RefusedError for anything that is no whole zip archive, or beyond the limits.
    """
    directory = _find_directory(file)
    too_long = directory.end - directory.start > MOST_DIRECTORY
    if directory.entries > limits.entries or too_long:
        raise too_many(limits)
    members = list(_members(file, directory))
    if sum(member.size for member in members) > limits.size:
        raise too_large(limits)
    starts = _data_of(file, members, directory.start)
    for member, start in zip(members, starts, strict=True):
        yield Entry(member.text, member.kind, _expanded(file, member, start, go_on))


def _find_directory(file: BinaryIO) -> _Directory:
    """Return where the directory is; the record that says so ends the file."""
    size = file.seek(0, 2)
    tail = _read(file, max(0, size - _END.size - _MOST_COMMENT), _END.size + _MOST_COMMENT)
    at = tail.rfind(b"PK\5\6")
    if at < 0 or len(tail) - at < _END.size:
        raise RefusedError("it is cut off: a zip archive ends with its directory")
    _, disk, first, here, count, length, start, comment = _END.unpack_from(tail, at)
    if at + _END.size + comment != len(tail):
        raise RefusedError("it is damaged: something follows its end")
    end = size - len(tail) + at
    before = end - _LOCATOR_64.size
    locator = _read(file, before, _LOCATOR_64.size) if before > 0 else b""
    if locator.startswith(b"PK\6\7"):
        _, elsewhere, end, disks = _LOCATOR_64.unpack(locator)
        if elsewhere or disks > 1 or end + _END_64.size > before:
            raise _astray()
        record = _END_64.unpack(_read(file, end, _END_64.size))
        magic, _, _, _, disk, first, here, count, length, start = record
        if magic != b"PK\6\6":
            raise _astray()
    if disk or first or here != count or start + length != end:
        raise _astray()
    return _Directory(start, end, count)


def _astray() -> RefusedError:
    return RefusedError("it is damaged, or in parts: its directory is not where it says")


def _members(file: BinaryIO, directory: _Directory) -> Iterator[_Member]:
    """Yield what the directory lists."""
    data = _read(file, directory.start, directory.end - directory.start)
    at = 0
    for _ in range(directory.entries):
        if at + _LISTED.size > len(data):
            raise RefusedError("it is damaged: its directory is too short")
        magic, made_by, _, flags, method, _, _, crc, *numbers = _LISTED.unpack_from(data, at)
        packed, size, names, extras, comments, _, _, attributes, start = numbers
        name_at = at + _LISTED.size
        name = data[name_at : name_at + names]
        extra = data[name_at + names : name_at + names + extras]
        at = name_at + names + extras + comments
        if magic != b"PK\1\2" or at > len(data):
            raise RefusedError("it is damaged: its directory cannot be read")
        size, packed, start = _in_64(extra, [size, packed, start])
        mode = attributes >> 16 if made_by >> 8 in _UNIX else 0
        member = _Member(name, flags, method, crc, packed, size, mode, start)
        if flags & _ENCRYPTED:
            raise RefusedError(f"its entry {shown(member.text)} is encrypted")
        if method not in {_STORED, _DEFLATED}:
            raise RefusedError(f"its entry {shown(member.text)} is packed by method {method}")
        yield member
    if at != len(data):
        raise RefusedError("it is damaged: its directory is too long")


def _in_64(extra: bytes, fields: list[int]) -> list[int]:
    """Return the fields, with those that did not fit into 32 bits from the extra data."""
    at = 0
    while at + 4 <= len(extra):
        id_, length = _PAIR.unpack_from(extra, at)
        at += _PAIR.size
        if id_ == _ID_64:
            longs = _LONGS.iter_unpack(extra[at : at + min(length, len(extra) - at) // 8 * 8])
            return [next(longs, (it,))[0] if it == _IN_64 else it for it in fields]
        at += length
    return fields


def _data_of(file: BinaryIO, members: list[_Member], end: int) -> list[int]:
    """Return where the data of each begins. Raises RefusedError if two of them share a byte."""
    starts, spans = [], []
    for member in members:
        header = _read(file, member.start, _LOCAL.size) if member.start < end else b""
        if len(header) < _LOCAL.size or header[:4] != b"PK\3\4":
            raise RefusedError(f"it is damaged: its entry {shown(member.text)} is not there")
        names, extras = _LOCAL.unpack(header)[-2:]
        if file.read(names) != member.name:
            raise RefusedError(f"its entry {shown(member.text)} has two names")
        start = member.start + _LOCAL.size + names + extras
        starts.append(start)
        spans.append((member.start, start + member.packed))
    spans.sort()
    ends = [*(start for start, _ in spans[1:]), end]
    if any(span[1] > limit for span, limit in zip(spans, ends, strict=bool(spans))):
        raise RefusedError("its entries overlap")
    return starts


def _expanded(
    file: BinaryIO, member: _Member, start: int, go_on: Callable[[], None]
) -> Iterator[bytes]:
    """Yield the bytes of an entry. Raises RefusedError unless they are what the directory says."""
    name, crc, size, left = shown(member.text), 0, 0, member.packed
    file.seek(start)

    def read() -> bytes:
        nonlocal left
        go_on()
        data = file.read(min(BLOCK, left))
        left -= len(data)
        return data

    inflater = Inflater(-zlib.MAX_WBITS)
    stored = member.method == _STORED
    for chunk in iter(read, b"") if stored else expand(inflater, b"", read):
        crc, size = zlib.crc32(chunk, crc), size + len(chunk)
        if size > member.size:
            raise RefusedError(f"its entry {name} is larger than it says")
        yield chunk
    if size != member.size or crc != member.crc or left or inflater.unused_data:
        raise RefusedError(f"it is damaged: its entry {name} is not what it says")


def _read(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
