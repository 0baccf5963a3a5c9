"""Very many files at once.

Intake runs in a process of its own, because it measures its memory:

    python -m tests.input.flood FOLDER COUNT

prints what it came to as JSON. Work is counted where the interpreter tells of it: files opened.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from orchestrator.core.intake import NewJob
from orchestrator.daemon.entry import QueueOf
from orchestrator.spool import drop_file
from tests.input.case import Tally
from tests.input.group import GOOD, Means
from tests.input.house import SETTLE, House, opened_house

ROOT = Path(__file__).parents[2]
MANY = 100_000
SOME = 3_000  # everyday
SINGLES = 20  # drops that come one by one while all others wait

OPENS_A_FILE = 6  # asked for writers twice, read once, and the folders it goes through
OPENS_ALONE = 20  # with the folders that a batch shares
KIB_A_FILE = 1.0
SLOWER = 1.5  # how much more work the last tenth of the files may be than the first


async def flood(means: Means) -> Tally:
    """Flood a spool in a process of its own; hold its figures against the bounds."""
    count = MANY if means.is_whole else SOME
    program = [sys.executable, "-m", "tests.input.flood", str(means.folder), str(count)]
    process = await asyncio.create_subprocess_exec(
        *program, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    tally = Tally("", cases=count + SINGLES)
    if process.returncode != 0:
        tally.crashed.append(err.decode(errors="replace")[-2000:])
        return tally
    told = json.loads(out)
    tally.accepted, tally.lost, tally.half_read = told["accepted"], told["lost"], told["half_read"]
    bounds = {
        "files opened for each taken": (told["opens"], OPENS_A_FILE),
        "files opened for each that comes while all others wait": (told["single"], OPENS_ALONE),
        "KiB of memory for each": (told["kib"], KIB_A_FILE + 8192 / count),
        "work for each at the end, by that at the beginning": (told["slower"], SLOWER),
    }
    if not means.is_whole:
        del bounds["work for each at the end, by that at the beginning"]  # too short to tell
    tally.wrong += [
        f"{of}: {value:.2f}, over {most}" for of, (value, most) in bounds.items() if value > most
    ]
    tally.remark = (
        f"{told['rate']:.0f} a second, {told['slower']:.2f} times the work at the end,"
        f" {told['opens']:.1f} opens and {told['kib']:.2f} KiB of memory a file"
    )
    return tally


class _Timed(QueueOf):
    """The queue, noting the work that was done until each tenth of the drops."""

    taken = 0
    marks: list[float]

    async def accept(self, job: NewJob) -> bool:
        """Take a job in."""
        self.taken += 1
        self.marks.append(time.process_time())
        return await super().accept(job)


async def _flood(folder: Path, count: int) -> dict[str, object]:
    opened: Counter[str] = Counter()
    sys.addaudithook(lambda event, _: opened.update([event]) if event == "open" else None)
    async with opened_house(folder / "flood") as house:
        queue = _Timed(house.db, house.wall)
        queue.marks = []
        house.restart(queue)
        await house.scan()
        names = [f"{number:06}.toml" for number in range(count)]
        for name in names:
            (house.home.spool / name).write_bytes(_text(name))
        before, began = _peak(), time.monotonic()
        await house.scan()
        opened.clear()
        for number in range(SINGLES):
            drop_file(house.home, _text(f"single-{number}"), f"single-{number}", ".toml")
            await house.scan()
        singles, queue.marks = opened["open"] / SINGLES, []
        opened.clear()
        await house.scan(SETTLE)
        took = time.monotonic() - began
        tenth = count // 10
        first, last = queue.marks[tenth] - queue.marks[0], queue.marks[-1] - queue.marks[-tenth - 1]
        figures = {
            "rate": count / took,
            "opens": opened["open"] / count,
            "single": singles,
            "kib": (_peak() - before) / count,
            "slower": last / first,
        }
        wanted = [*names, *(f"single-{number}" for number in range(SINGLES))]
        return figures | await _find(house, wanted)


async def _find(house: House, wanted: Collection[str]) -> dict[str, object]:
    """Look for every file, in the archive and in the queue."""
    archived = {path.name.partition(".orch-")[0]: path for path in house.home.archive.glob("*/*")}
    rows = await house.db.read(
        lambda conn: conn.execute("SELECT dropped_as, text FROM job").fetchall()
    )
    texts = {row["dropped_as"].partition(".orch-")[0]: row["text"] for row in rows}
    lost = [name for name in wanted if name not in archived or name not in texts]
    half = [name for name in wanted if name in texts and texts[name] != _text(name)]
    half += [
        name for name in wanted if name in archived and archived[name].read_bytes() != _text(name)
    ]
    return {"accepted": len(rows), "lost": lost[:20], "half_read": half[:20]}


def _text(name: str) -> bytes:
    return GOOD + f"# {name}\n".encode()


def _peak() -> int:
    """Return the most memory this process has had, in KiB; not its parent's, as getrusage does."""
    (line,) = (it for it in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in it)
    return int(line.split()[1])


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.stdout.write(json.dumps(asyncio.run(_flood(Path(sys.argv[1]), int(sys.argv[2])))))
