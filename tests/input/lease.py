"""Second writers that open files at the very moment intake asks the kernel about them.

Such an open breaks the lease, and the kernel signals its holder: by default a signal that kills.
Intake runs in a process of its own here, because it may die of it:

    python -m tests.input.lease FOLDER FILES

prints what it came to as JSON, with the number of signals: without any, nothing was proved.
"""

import asyncio
import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.config import Home
from tests.input.case import Case, Tally
from tests.input.group import GOOD, Means
from tests.input.house import SETTLE, opened_house, settled
from tests.input.judge import Drop

ROOT = Path(__file__).parents[2]
OPENER = Path(__file__).with_name("opener.py")
MOST_SCANS = 2000
ENOUGH = 3  # broken leases
CROWD = b"crowd"
INPUTS = 50  # files


async def leases(means: Means) -> Tally:
    """Storm intake in a process of its own."""
    files = max(10, round(200 * means.share))
    program = [sys.executable, "-m", "tests.input.lease", str(means.folder), str(files)]
    process = await asyncio.create_subprocess_exec(
        *program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    tally = Tally("", cases=files + 1)
    if process.returncode != 0:
        tally.crashed.append(f"ended with {process.returncode}: {err.decode()[-2000:]}")
        return tally
    told = json.loads(out)
    for key in ("accepted", "lost", "half_read", "crashed", "wrong"):
        setattr(tally, key, told[key])
    if told["signals"] < ENOUGH:
        tally.wrong.append(f"only {told['signals']} leases were broken: nothing is proved")
    tally.remark = f"{told['signals']} leases broken"
    return tally


async def _storm(folder: Path, files: int) -> dict[str, object]:
    heard: Counter[int] = Counter()
    signal.signal(signal.SIGURG, lambda number, _: heard.update([number]))
    async with opened_house(folder / "leases") as house:
        drops: list[Drop] = []
        with _second_writer(house.home):
            crowd = house.path(CROWD)
            _fill(crowd)
            with (crowd / "held.inp").open("wb"):  # so that it is asked about at every scan
                for scan in range(MOST_SCANS):
                    if scan < files:
                        case = Case(b"%04d.toml" % scan, GOOD + b"# %d" % scan, "accepted")
                        drops.append(house.put(case))
                    await house.scan(SETTLE)
                    if scan >= files and heard[signal.SIGURG] >= ENOUGH:
                        break
        tally = await settled(house, [*drops, house.note(Case(CROWD, b"", "accepted"))])
    return {
        "accepted": tally.accepted,
        "lost": tally.lost,
        "half_read": tally.half_read,
        "crashed": tally.crashed,
        "wrong": tally.wrong,
        "signals": heard[signal.SIGURG],
    }


def _fill(folder: Path) -> None:
    folder.mkdir()
    (folder / "job.toml").write_bytes(GOOD)
    for each in range(INPUTS):
        (folder / f"{each}.inp").write_bytes(b"mesh")


@contextmanager
def _second_writer(home: Home) -> Iterator[None]:
    """Let another process open all that lies in the spool or is claimed, over and over."""
    command: list[str | Path] = [sys.executable, OPENER, home.spool, home.claimed]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as opener:
        try:
            yield
        finally:
            opener.kill()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asyncio.run(_storm(Path(sys.argv[1]), int(sys.argv[2])))))
