"""A program that scans homes in child processes, so that a tracer can do harm to one of them.

For each line of JSON on its input it forks; the child prints its process id, waits for a line, and
scans. Forking spares each child the imports. The last line for each is how the child ended.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

import anyio

from tests.intake.world import World

_PR_SET_PTRACER = 0x59616D61
_ANYBODY = ctypes.c_ulong(-1)


def _say(**told: object) -> None:
    os.write(1, json.dumps(told).encode() + b"\n")


def _hear() -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(0, 1)
        if not byte:
            sys.exit()
        line += byte
    return line


async def _scan(home: Path, times: int) -> None:
    world = World(home)
    reports = []
    for _ in range(times):
        report = await world.scan()
        world.now += 2
        reports.append(
            {
                "accepted": report.accepted,
                "rejected": [each.reason for each in report.rejected],
                "deferred": [each.why for each in report.deferred],
            }
        )
    world.queue.close()
    _say(reports=reports)


def _child(home: Path, times: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYBODY, 0, 0, 0)
    _say(pid=os.getpid())
    _hear()
    try:
        anyio.run(_scan, home, times)
    except OSError as error:
        _say(error=error.errno)
    os._exit(0)


def main() -> None:
    """Serve until the input ends."""
    while True:
        wish = json.loads(_hear())
        if not (pid := os.fork()):
            _child(Path(wish["home"]), wish["times"])
        _say(status=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


main()
