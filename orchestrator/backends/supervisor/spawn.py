"""Starting one command, and saying in words why it could not be started."""

import errno
import os
import signal

LOCK_DESCRIPTOR = 100  # where a run holds its lock: above what shell scripts use for themselves

_SIGNALS = {*range(1, 32)} - {signal.SIGKILL, signal.SIGSTOP}  # real-time ones nobody ignores
_SHORTAGES = {errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE}


class SpawnError(Exception):
    """The command cannot be started; `code` is what a shell would answer: 127 or 126."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def spawn(argv: list[str], env: dict[str, str], *, out: int, err: int, lock: int) -> int:
    """Start a command in the current directory and return its process number.

    It leads a new session, has default signals, an empty standard input, and holds `lock` open.
    Raises SpawnError when the command is at fault, OSError when this machine is short of something.
    """
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_DUP2, out, 1),
        (os.POSIX_SPAWN_DUP2, err, 2),
        (os.POSIX_SPAWN_DUP2, lock, LOCK_DESCRIPTOR),
    ]
    program = find(argv[0], env.get("PATH", os.defpath))
    try:
        return os.posix_spawn(
            program,
            argv,
            env,
            file_actions=actions,
            setsid=True,
            setsigmask=[],
            setsigdef=_SIGNALS,
        )
    except OSError as error:
        if error.errno in _SHORTAGES:
            raise
        raise _explained(program, error) from None
    except ValueError as error:
        raise SpawnError(126, f"cannot be started: {error}") from None


def find(name: str, path: str) -> str:
    """Return where a command lies: as written if it has a slash, else looked up in `path`."""
    if "/" in name:
        return name
    blocked = None
    for folder in path.split(os.pathsep):
        candidate = os.path.join(folder or ".", name)
        if os.path.isfile(candidate):
            if os.access(candidate, os.X_OK):
                return candidate
            blocked = blocked or candidate
    if blocked is not None:
        raise SpawnError(126, f"not executable: {blocked!r}")
    raise SpawnError(127, f"command not found: {name!r}")


def _explained(program: str, error: OSError) -> SpawnError:
    match error.errno:
        case errno.ENOENT if os.path.isfile(program):
            return SpawnError(127, f"the interpreter that {program!r} asks for was not found")
        case errno.ENOENT | errno.ENOTDIR:
            return SpawnError(127, f"command not found: {program!r}")
        case errno.EACCES | errno.EPERM:
            return SpawnError(126, f"not executable: {program!r}")
        case errno.ENOEXEC:
            return SpawnError(
                126, f"{program!r} is neither a program nor a script with a '#!' first line"
            )
        case errno.E2BIG:
            return SpawnError(126, "the arguments and the environment are too long together")
    return SpawnError(126, f"{program!r} cannot be started: {os.strerror(error.errno or 0)}")
