"""A point: one call by which a process is about to change the home, or another process."""

import os
import stat
from pathlib import Path
from typing import NamedTuple

from tests.killing import ptrace
from tests.killing.calls import AT, CHANGING, NAMES, WRITES
from tests.killing.ptrace import Stopped, signed

_THREAD = 0x10000  # CLONE_THREAD
_PROCESSES = frozenset({"clone", "clone3", "fork", "vfork"})
_REMOVES = frozenset({"rmdir", "unlink", "unlinkat"})
_MAKES_FOLDER = frozenset({"mkdir", "mkdirat"})


class Point(NamedTuple):
    """Who is about to call what, on what (relative to the home)."""

    role: str
    call: str
    what: str

    def __str__(self) -> str:
        return f"{self.role}: {self.call}({self.what})"


def point_at(pid: int, role: str, stopped: Stopped, home: Path) -> Point | None:
    """Return the point at which a tracee is stopped; None when the call changes nothing of ours."""
    name, arguments = NAMES[stopped.number], stopped.arguments
    if name in _PROCESSES:
        return None if _is_thread(pid, name, arguments) else Point(role, name, "")
    if name in {"kill", "pidfd_send_signal"}:
        return Point(role, name, f"signal {arguments[1]}") if arguments[1] else None
    if name == "bind":
        path = os.fsdecode(ptrace.text(pid, arguments[1] + 2))
        return Point(role, name, path) if path else None
    where = _where(pid, name, arguments)
    if where.startswith("socket:"):
        # One byte only wakes the event loop of the process itself.
        return Point(role, name, "socket") if arguments[2] > 1 else None
    inside = os.path.relpath(where, home)
    if inside.startswith("..") or not _changes(name, arguments, where):
        return None
    return Point(role, name, inside)


def _is_thread(pid: int, name: str, arguments: tuple[int, ...]) -> bool:
    flags = {"clone": arguments[0], "clone3": 0}.get(name, 0)
    if name == "clone3":
        flags = int.from_bytes(_eight(pid, arguments[0]), "little")
    return bool(flags & _THREAD)


def _eight(pid: int, address: int) -> bytes:
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:  # noqa: PTH123 - hot
        return os.pread(file.fileno(), 8, address)


def _where(pid: int, name: str, arguments: tuple[int, ...]) -> str:
    """Return the path or the kind of thing that a call is about."""
    kind = CHANGING[name]
    fd = AT if kind.fd is None else signed(arguments[kind.fd])
    if kind.path is None and kind.fd is None:
        return "/"
    try:
        base = os.readlink(ptrace.folder(pid, fd))  # noqa: PTH115 - it may not be a path at all
    except FileNotFoundError:
        return "/"  # a descriptor that is not open: the call fails by itself
    if kind.path is None:
        return base.removesuffix(" (deleted)")
    return os.path.join(base, os.fsdecode(ptrace.text(pid, arguments[kind.path])))  # noqa: PTH118 - hot


def _changes(name: str, arguments: tuple[int, ...], path: str) -> bool:
    """Whether a call would change anything, as things are."""
    if name in _REMOVES:
        return os.path.lexists(path)
    if name in _MAKES_FOLDER:
        return not os.path.lexists(path)
    flags = CHANGING[name].flags
    if flags is None or CHANGING[name].path is None:
        return True
    if not os.path.lexists(path):
        return bool(arguments[flags] & os.O_CREAT)
    exclusive = arguments[flags] & (os.O_CREAT | os.O_EXCL) == os.O_CREAT | os.O_EXCL
    empties = arguments[flags] & os.O_TRUNC and stat.S_ISREG(os.lstat(path).st_mode)
    return bool(empties and not exclusive and arguments[flags] & WRITES)
