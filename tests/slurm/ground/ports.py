"""Ports of 127.0.0.1 that nobody else takes, also not another cluster that starts right now."""

import random
import socket
from typing import Self

LOWEST, HIGHEST = 20000, 32000  # below those that the kernel gives to outgoing connections


class Ports:
    """Free ports, each held by a name in the kernel for as long as this process lives.

    A port cannot be held by listening on it, since a daemon is going to. So those who draw ports
    bind a socket without a file, named by the port: the second to do so is refused.
    """

    def __init__(self) -> None:
        self._claims: list[socket.socket] = []

    def draw(self) -> int:
        """Return a port that nobody listens on, and that no other drawer has."""
        numbers = list(range(LOWEST, HIGHEST))
        random.shuffle(numbers)
        for port in numbers:
            if self._claimed(port) and _free(port):
                return port
        raise OSError(f"no port of 127.0.0.1 is free between {LOWEST} and {HIGHEST}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        while self._claims:
            self._claims.pop().close()

    def _claimed(self, port: int) -> bool:
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0slurm-ground-port-{port}")
        except OSError:
            claim.close()
            return False
        self._claims.append(claim)
        return True


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
