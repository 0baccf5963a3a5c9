"""The few things of ptrace(2) and seccomp(2) that the tracer needs, for x86-64."""

import ctypes
import os
import struct
from typing import Final, NamedTuple

from tests.killing.calls import AT, CHANGING, FICLONE, WRITES

ATTACH, CONT, LISTEN, GET_REGISTERS, SET_REGISTERS = 0x4206, 7, 0x4208, 12, 13
OPTIONS = 0x80 | 0x02 | 0x04 | 0x08 | 0x10 | 0x100000
"""Stop at filtered calls, follow forks, vforks and threads, tell of execs; die with the tracer."""

EXECUTED, FILTERED, STOPPED = 4, 7, 128
"""Events: a program was executed, a filtered call is about to be made, a (new) tracee stopped."""

ALL: Final = 0x40000000  # __WALL: waitpid also tells of threads and of what others forked

_NO_NEW_PRIVILEGES, _SET_FILTER, _FILTER = 38, 22, 2
_ALLOW, _TRACE = 0x7FFF0000, 0x7FF00000
_LOAD, _EQUAL, _ANY_BIT, _RETURN = 0x20, 0x15, 0x45, 0x06
_FIRST_ARGUMENT = 16  # offset in seccomp_data; each argument has eight bytes

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long

_REGISTERS = 27
_ORIG_RAX, _RAX = 15, 10
_ARGUMENTS = (14, 13, 12, 7, 9, 8)  # rdi rsi rdx r10 r8 r9


class Stopped(NamedTuple):
    """What a tracee was about to call: the call's number and its six arguments."""

    number: int
    arguments: tuple[int, ...]


def request(what: int, pid: int, data: int | ctypes.Array[ctypes.c_uint64] = 0) -> None:
    """Make one ptrace request; raise ProcessLookupError when the tracee was killed meanwhile."""
    value = data if isinstance(data, int) else ctypes.addressof(data)
    if _libc.ptrace(what, pid, None, value) == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), f"ptrace {what:#x} of {pid}")


def stopped_at(pid: int) -> Stopped:
    """Return the call at which a tracee is stopped."""
    registers = (ctypes.c_uint64 * _REGISTERS)()
    request(GET_REGISTERS, pid, registers)
    return Stopped(registers[_ORIG_RAX], tuple(registers[index] for index in _ARGUMENTS))


def refuse(pid: int, error: int) -> None:
    """Let the call at which a tracee is stopped fail with an error, without being made."""
    registers = (ctypes.c_uint64 * _REGISTERS)()
    request(GET_REGISTERS, pid, registers)
    registers[_ORIG_RAX] = 2**64 - 1
    registers[_RAX] = 2**64 - error
    request(SET_REGISTERS, pid, registers)


def memory(pid: int, address: int, length: int) -> bytes:
    """Read memory of a stopped tracee, as much of it as is mapped."""
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as file:  # noqa: PTH123 - hot
        found = b""
        while len(found) < length:
            # Not over the end of a page: the next one may not be there.
            part = min(length - len(found), 4096 - (address + len(found)) % 4096)
            try:
                found += os.pread(file.fileno(), part, address + len(found))
            except OSError:
                break
            if b"\0" in found:
                break
        return found


def text(pid: int, address: int) -> bytes:
    """Read a string of a stopped tracee."""
    return memory(pid, address, 4096).partition(b"\0")[0]


def signed(value: int) -> int:
    """Return a register as the C int that it carries."""
    number: int = struct.unpack("i", struct.pack("I", value & 0xFFFFFFFF))[0]
    return number


def folder(pid: int, fd: int) -> str:
    """Return a link of /proc that leads to the folder which a path is relative to."""
    return f"/proc/{pid}/cwd" if fd == AT else f"/proc/{pid}/fd/{fd}"


def filter_myself() -> None:
    """From now on, stop this process and all it starts at the calls that may change something.

    Without a tracer these calls fail with ENOSYS.
    """
    program = _program()
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in program))
    head = ctypes.create_string_buffer(
        struct.pack("H6xQ", len(program), ctypes.addressof(code)), 16
    )
    for call in ((_NO_NEW_PRIVILEGES, 1, 0), (_SET_FILTER, _FILTER, ctypes.addressof(head))):
        if _libc.prctl(*(ctypes.c_ulong(part) for part in (*call, 0, 0))) != 0:
            raise OSError(ctypes.get_errno(), "the filter of system calls was refused")


def _program() -> list[tuple[int, int, int, int]]:
    """Return the filter in the kernel's own little language: (what, then, else, value)."""
    lines = []
    for name, kind in CHANGING.items():
        lines.append((_LOAD, 0, 0, 0))
        if kind.flags is not None:
            lines += [
                (_EQUAL, 0, 3, kind.number),
                (_LOAD, 0, 0, _FIRST_ARGUMENT + 8 * kind.flags),
                (_ANY_BIT, 0, 1, WRITES),
                (_RETURN, 0, 0, _TRACE),
            ]
        elif name == "ioctl":
            lines += [
                (_EQUAL, 0, 3, kind.number),
                (_LOAD, 0, 0, _FIRST_ARGUMENT + 8),
                (_EQUAL, 0, 1, FICLONE),
                (_RETURN, 0, 0, _TRACE),
            ]
        else:
            lines += [(_EQUAL, 0, 1, kind.number), (_RETURN, 0, 0, _TRACE)]
    return [*lines, (_RETURN, 0, 0, _ALLOW)]
