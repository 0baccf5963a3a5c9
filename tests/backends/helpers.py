"""What the tests of local runs share."""

import os
import signal
import sys
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.lowlevel

from orchestrator.backend import Finished, Lost, Run
from orchestrator.backends.local.backend import LocalBackend
from orchestrator.testing.contract import Bodies, Place

Kind = TypeVar("Kind")

WRITE = "import sys; open(sys.argv[1], 'wb').write(bytes(range(256)) * int(sys.argv[2]))"
SLEEP = "import time; time.sleep(1000)"
BODIES = Bodies(
    writes=lambda name, times: {"command": [sys.executable, "-c", WRITE, name, str(times)]},
    copies=lambda source, name: {"command": ["cp", source, name]},
    fails=lambda code: {"script": f"exit {code}"},
    sleeps={"command": ["sleep", "1000"]},
    lingers=lambda name, times: {
        "command": [sys.executable, "-c", f"{WRITE}; {SLEEP}", name, str(times)]
    },
)


async def supervisor_of(place: Place) -> int:
    """Return the process number of the supervisor."""
    assert isinstance(place.backend, LocalBackend)
    hello = await place.backend._link.ask("hello")
    return int(hello["pid"])


async def gone(pid: int) -> None:
    """Wait until a process has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        with anyio.fail_after(30):
            await anyio.wait_readable(descriptor)
    finally:
        os.close(descriptor)


async def end_of_orphan(place: Place, run: Run) -> Finished | Lost:
    """Wait for the end of a run that may have no supervisor, and so gives no hint."""
    return await polled(place, run, Finished, Lost)


async def polled(place: Place, run: Run, *kinds: type[Kind]) -> Kind:
    """Ask until the answer is of one of these kinds."""
    with anyio.fail_after(30):
        while True:
            answer = await place.poll(run)
            if isinstance(answer, kinds):
                return answer
            await anyio.lowlevel.checkpoint()


async def kill_supervisor(place: Place) -> None:
    """Kill it as the kernel does when memory runs out."""
    pid = await supervisor_of(place)
    os.kill(pid, signal.SIGKILL)
    await gone(pid)


def counted(place: Place, key: str = "1", then: str = "") -> tuple[Run, Path]:
    """Return a run that leaves one line in a file each time it is started, and that file."""
    count = place.directory.parent / f"count-{key}"
    return place.run(key, {"script": f"echo started >> '{count}'\n{then}"}), count
