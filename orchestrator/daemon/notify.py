"""Tells systemd how the service stands (sd_notify(3)); without systemd it does nothing."""

import os
import socket


def notify(*lines: str) -> None:
    """Send lines such as READY=1. A service manager that does not listen is not our fault."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
        try:
            sock.sendto("\n".join(lines).encode(), name)
        except OSError:
            return


def not_ready_yet() -> None:
    """Tell systemd, before READY=1, that the start goes on: it may take as long again from now."""
    notify("EXTEND_TIMEOUT_USEC=300000000")


def watchdog_seconds() -> float | None:
    """Return within how many seconds systemd wants to hear WATCHDOG=1, None if it does not."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    meant_for = os.environ.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdigit() or meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 1e6
