"""A home with the real spool, the real queue, and intake as the daemon opens it; time is ours.

Cases are thrown at it in loads. Afterwards each must lie somewhere with all its bytes: as a job
whose stored text is the whole file, refused with a reason, or left where it is with one.
"""

import os
import shutil
import traceback
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from orchestrator.config import Config, Home, load
from orchestrator.core.now import Now
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.entry import QueueOf, read_with, rules_of
from orchestrator.daemon.projection import Projection
from orchestrator.daemon.serve import prepare
from orchestrator.document import READERS
from orchestrator.intake import Intake, Queue, ReadSpec, Report
from orchestrator.registry import kinds
from orchestrator.store.database import Database, open_database
from orchestrator.store.home import found_home
from tests.input.case import Case, Tally
from tests.input.custody import HASHED, digest, inode_of
from tests.input.judge import Drop, judge, told

LOAD = 1000  # cases in one home
SETTLE = 2.0
PATIENCE = 60.0  # seconds, injected: even a folder without a job file is judged then
WALL = 1_790_000_000.0


class House:
    """One home; `now` is its monotonic clock, which stands until it is moved."""

    def __init__(self, root: Path, config: Config, db: Database, read_spec: ReadSpec) -> None:
        self.home = Home(root)
        self.db = db
        self.now = 1000.0
        self._config = config
        self._read_spec = read_spec
        self.restart()

    def wall(self) -> Now:
        """Return what the clocks read."""
        return Now(self.now, WALL + self.now)

    def restart(self, queue: Queue | None = None) -> None:
        """Begin intake anew: it remembers nothing."""
        self.intake = Intake(
            self.home,
            queue or QueueOf(self.db, self.wall),
            self._read_spec,
            rules_of(self._config),
            clock=lambda: self.now,
        )

    async def scan(self, later: float = 0.0) -> Report:
        """Scan once, so many seconds later."""
        self.now += later
        return await self.intake.scan_once()

    def path(self, name: bytes) -> Path:
        """Return where a name lies in the spool."""
        return self.home.spool / os.fsdecode(name)

    def put(self, case: Case) -> Drop:
        """Make a case in the spool."""
        path = self.path(case.name)
        if isinstance(case.content, bytes):
            path.write_bytes(case.content)
        else:
            case.content(path)
        return self.note(case)

    def note(self, case: Case) -> Drop:
        """Take down what lies in the spool under the name of a case."""
        path = self.path(case.name)
        specs = [path]
        if path.is_dir() and not path.is_symlink():
            specs = [path / f"job{suffix}" for suffix in READERS]
        texts = [it.read_bytes() for it in specs if _is_small_file(it)]
        return Drop(case, inode_of(path), digest(path), texts[0] if len(texts) == 1 else None)

    async def judge(self, drops: Sequence[Drop], report: Report) -> Tally:
        """Judge what became of drops; `report` is the last one."""
        tally = judge(self.home, drops, await self.db.read(told, self.home, report.deferred))
        await self._read_log(tally)
        return tally

    async def _read_log(self, tally: Tally) -> None:
        """Write status.log as the daemon does: one line an entry, and nothing a terminal obeys."""
        row = await self.db.write(found_home, "testhome", read_anchor(0.0))
        path = self.home.log / "status.log"
        path.unlink(missing_ok=True)
        row = replace(row, status_cursor=0)
        projection = await Projection.open(self.db, path, row, self._config.log)
        projection._file.close()
        lines = path.read_text().split("\n")
        entries = await self.db.read(
            lambda conn: conn.execute("SELECT seq FROM history").fetchall()
        )
        if lines.pop() or len(lines) != len(entries):
            tally.wrong.append(f"status.log has {len(lines)} lines for {len(entries)} entries")
        tally.wrong += [f"status.log: {line!r}" for line in lines if not line.isprintable()]


def _is_small_file(path: Path) -> bool:
    can_be_read = os.access(path, os.R_OK)
    return can_be_read and not path.is_symlink() and path.is_file() and path.stat().st_size < HASHED


@asynccontextmanager
async def opened_house(
    root: Path, config: str = "", read_spec: ReadSpec | None = None, *, keep: bool = False
) -> AsyncIterator[House]:
    """Open a home; it is removed at the end, unless it is to be kept."""
    home = Home(root)
    prepare(home)
    home.config.write_text(config)
    loaded = load(home, {name: kind.options for name, kind in kinds().items()})
    try:
        async with open_database(home.database, home.backups) as db:
            yield House(root, loaded, db, read_spec or read_with(loaded))
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


async def throw(folder: Path, cases: Sequence[Case], read_spec: ReadSpec | None = None) -> Tally:
    """Throw all cases at intake, each load at a new home, and judge what became of them."""
    total = Tally("")
    for start in range(0, len(cases), LOAD):
        async with opened_house(folder / f"home-{start}", read_spec=read_spec) as house:
            drops = [house.put(case) for case in cases[start : start + LOAD]]
            total.add(await settled(house, drops))
    return total


async def settled(house: House, drops: Sequence[Drop]) -> Tally:
    """Scan until nothing more can change; judge."""
    try:
        await house.scan()
        await house.scan(SETTLE)
        report = await house.scan(PATIENCE)
    except Exception:  # noqa: BLE001 - this is what is counted
        return Tally("", cases=len(drops), crashed=[traceback.format_exc(limit=-4)])
    return await house.judge(drops, report)
