"""Become the supervisor of a folder: `python -I -S __main__.py DIRECTORY [IDLE_SECONDS]`.

Returns 0 when a supervisor listens there, this one or another; otherwise 1, with the reason on
standard error. The supervisor itself goes on in the background, in a session of its own.
"""

import fcntl
import os
import socket
import sys

TYPE_CHECKING = False  # without the module typing, which is slow to import
if TYPE_CHECKING:
    from orchestrator.backends.supervisor.server import Server

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
IDLE_SECONDS = 10.0


def main(directory: str, idle: float) -> int:
    """Start a supervisor; return the exit status of the process that was asked to."""
    os.closerange(3, 256)
    os.chdir(directory)
    hear, say = os.pipe()
    if os.fork() != 0:
        os.close(say)
        with open(hear, encoding="utf-8", errors="replace") as reader:
            said = reader.read()
        sys.stderr.write("" if said == "ready" else said or "the supervisor died at its start")
        return 0 if said == "ready" else 1
    os.close(hear)
    os.setsid()
    try:
        served = take_over(idle)
    except OSError as error:
        os.write(say, f"the supervisor cannot start: {error}".encode())
        return 1
    os.write(say, b"ready")
    os.close(say)
    if served is not None:
        served.serve()
    os._exit(0)  # at once: while it lingers, it can neither be reached nor be replaced


def take_over(idle: float) -> "Server | None":
    """Make the folder ours and listen in it; None if another supervisor has it."""
    sys.path.append(ROOT)
    from orchestrator.backends.supervisor import files, server, syncing  # noqa: PLC0415 - needs the path

    lock = os.open("supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None
    redirect()
    syncing.adopt_orphans()
    os.makedirs("runs", mode=0o700, exist_ok=True)
    runs = os.open("runs", files.FOLDER)
    return server.Server(runs, listen(), idle)


def redirect() -> None:
    """Let go of whatever the daemon had open: it may die, and its terminal close."""
    log = os.open("supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)


def listen() -> socket.socket:
    """Return the socket the daemon connects to; a relative name, since paths are limited."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    if os.path.lexists("supervisor.sock"):
        os.unlink("supervisor.sock")
    listener.bind("supervisor.sock")
    os.chmod("supervisor.sock", 0o600)
    listener.listen(8)
    return listener


if __name__ == "__main__":
    folder, *rest = sys.argv[1:]
    sys.exit(main(folder, float(rest[0]) if rest else IDLE_SECONDS))
