"""Writers that are other processes and take their time.

Nothing of theirs is read before they are done, however long they rest, and then all of it is.
"""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.input.case import Case, Tally
from tests.input.group import Means
from tests.input.house import House, opened_house, settled
from tests.input.writer import TEXT, WAYS

PROGRAM = Path(__file__).with_name("writer.py")

# How long each may rest between two steps without being taken for finished. As long as it likes,
# where the kernel tells of it; else less than the time to settle.
KERNEL_TELLS = {"held", "preallocated", "mapped", "handed on", "folder"}
LONG, SHORT = 3600.0, 1.9


class Writer:
    """One of the writers, in a process of its own."""

    def __init__(self, way: str, path: Path) -> None:
        self.way = way
        self._process = subprocess.Popen(
            [sys.executable, PROGRAM, way, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def hear(self) -> str:
        """Wait for what it says."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def step(self) -> bool:
        """Let it do its next step; False when it is done."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.hear() == "more"


async def writers(means: Means) -> Tally:
    """Let each write in its way, and scan after every step."""
    total = Tally("")
    for way in WAYS:
        async with opened_house(means.folder / way) as house:
            total.add(await _watched(house, way))
    return total


async def _watched(house: House, way: str) -> Tally:
    name = b"slow" if way == "folder" else b"slow.toml"
    rest = LONG if way in KERNEL_TELLS else SHORT
    early = []
    with Writer(way, house.path(name)) as writer:
        writer.hear()
        steps = 0
        while writer.step():
            steps += 1
            report = await house.scan(rest if steps % 2 else 0.0)
            report = await house.scan(rest if way in KERNEL_TELLS else 0.0)
            if report.accepted or report.rejected:
                early.append(f"{way}: taken after step {steps}")
                break
    tally = Tally("", cases=1, half_read=early)
    if not early:
        drop = house.note(Case(name, TEXT, "accepted"))
        tally = await settled(house, [drop])
        if drop.text != TEXT:
            tally.wrong.append(f"{way}: the writer wrote something else")
    return tally
