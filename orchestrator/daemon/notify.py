"""Tells systemd how the service stands (sd_notify(3)); without systemd it does nothing."""

import os
import socket
import time


def notify(*lines: str, wait: bool = False) -> None:
    """Send lines such as READY=1. A service manager that does not listen is not our fault.

    One that is too busy to take them is waited for only if asked; otherwise they are lost.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        sock.setblocking(wait)
        try:
            sock.sendto("\n".join(lines).encode(), name)
        except OSError:
            return


class StillStarting:
    """Asks systemd for more time, at most once a minute, while a start makes progress."""

    def __init__(self) -> None:
        self._next = 0.0

    def tell(self) -> None:
        """Say that it makes progress: it may take five minutes more from now."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + 60.0
            notify("EXTEND_TIMEOUT_USEC=300000000")


def watchdog_seconds() -> float | None:
    """Return within how many seconds systemd wants to hear WATCHDOG=1, None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant_for = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 1e6
