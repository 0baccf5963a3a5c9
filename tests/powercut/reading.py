"""What strace wrote, read back: which call, with which arguments, from when to when.

Expects the output of `strace -f -y -xx`: every string and every path of a descriptor is written in
hexadecimal, so that no byte of a file can be taken for strace's own signs.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_LINE = re.compile(r"(\d+) +(.*)", re.DOTALL)
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")
_UNFINISHED = " <unfinished ...>"
_CALL = re.compile(r"(\w+)\((.*)\) += (-?\d+)(.*)", re.DOTALL)
_PLACE = re.compile(r"<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?$")


class TraceError(Exception):
    """A trace holds what is not understood: nothing may be concluded from it."""


@dataclass(frozen=True, slots=True)
class Call:
    """A system call that succeeded.

    `begin` and `end` are moments: lines of the trace. Its effect fell between the two, so that a
    call that depends on another one begins after that one began.
    """

    process: int
    name: str
    arguments: tuple[str, ...]
    result: int
    opened: str  # what strace says of the descriptor that was returned
    begin: int
    end: int


def calls(lines: Iterable[str]) -> Iterator[Call]:
    """Yield the calls of a trace that succeeded, in the order of their ends."""
    halves: dict[int, tuple[int, str]] = {}
    for moment, line in enumerate(lines):
        match = _LINE.match(line)
        if match is None:
            raise TraceError(f"line {moment + 1} is none of strace: {line[:80]!r}")
        process, text = int(match[1]), match[2].rstrip("\n")
        if text.endswith(_UNFINISHED):
            halves[process] = (moment, text.removesuffix(_UNFINISHED))
            continue
        begin = moment
        if resumed := _RESUMED.match(text):
            begin, first = halves.pop(process)
            text = first + text[resumed.end() :]
        call = _CALL.fullmatch(text)
        if call is None or call[3] == "-1":
            continue  # failed, cut off by a kill, or no call but a signal or an end
        name, arguments, result, rest = call.groups()
        yield Call(process, name, _split(arguments), int(result), rest, begin, moment)


def _split(text: str) -> tuple[str, ...]:
    """Split at the commas that stand in no bracket; strings are hexadecimal and hold none."""
    parts: list[str] = []
    depth = 0
    for piece in text.split(", "):
        if depth > 0:
            parts[-1] += f", {piece}"
        else:
            parts.append(piece)
        depth += sum(map(piece.count, "[{")) - sum(map(piece.count, "]}"))
    return tuple(parts)


def data(argument: str) -> bytes:
    """Return the bytes that a hexadecimal string stands for, or all those of a list of buffers."""
    if '"...' in argument:
        raise TraceError("strace cut a string off; give it a larger -s")
    found: list[str] = re.findall(r'"((?:\\x[0-9a-f]{2})*)"', argument)
    return bytes.fromhex("".join(found).replace("\\x", ""))


def place(argument: str) -> str | None:
    """Return the path that stands beside a descriptor; None when it is gone or has none."""
    found = _PLACE.search(argument)
    if found is None or found[2]:
        return None
    return bytes.fromhex(found[1].replace("\\x", "")).decode()
