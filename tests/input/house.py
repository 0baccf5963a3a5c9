"""A home with the real spool, the real queue, and intake as the daemon opens it; time is ours.

Cases are thrown at it in loads. Afterwards each must lie somewhere with all its bytes: as a job
whose stored text is the whole file, refused with a reason, or left where it is with one.
"""

import json
import os
import shutil
import traceback
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.config import Config, Home, load
from orchestrator.core.now import Now
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.entry import QueueOf, read_with, rules_of
from orchestrator.daemon.projection import Projection
from orchestrator.daemon.serve import prepare
from orchestrator.document import READERS
from orchestrator.intake import Intake, Queue, ReadSpec, Report
from orchestrator.registry import kinds
from orchestrator.spool import is_skipped, shown
from orchestrator.store.database import Database, open_database
from orchestrator.store.home import found_home
from orchestrator.store.sqlite import Connection
from tests.input.case import Case, Tally
from tests.input.custody import HASHED, Found, Inode, digest, everything, inode_of

LOAD = 1000  # cases in one home
SETTLE = 2.0
PATIENCE = 60.0  # seconds, injected: even a folder without a job file is judged then
WALL = 1_790_000_000.0


@dataclass(frozen=True, slots=True)
class Drop:
    """A case as it lies in the spool: what tells it from others, and all of its bytes."""

    case: Case
    inode: Inode
    digest: str
    text: bytes | None  # of the job file, if one is plain to see


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
        """Find every drop again, and hold it against what must have become of it."""
        tally = Tally("", cases=len(drops))
        found = everything(self.home)
        told = {each.name: each.why for each in report.deferred} | _told_once(self.home)
        jobs = await self.db.read(_jobs)
        noted = await self.db.read(_rejections)
        for drop in drops:
            name = shown(drop.case.name)
            match found.pop(drop.inode, []):
                case [one] if one.digest == drop.digest:
                    self._judge(tally, drop, one, jobs, noted, told)
                case [one]:
                    tally.lost.append(f"{name}: its bytes changed in {one.place}")
                case several:
                    tally.lost.append(f"{name}: lies in {len(several)} places")
        for strays in found.values():
            tally.wrong += [f"{stray.path}: nobody dropped this" for stray in strays]
        await self._read_log(tally)
        return tally

    def _judge(
        self,
        tally: Tally,
        drop: Drop,
        found: Found,
        jobs: dict[str, tuple[bytes, dict[str, Any]]],
        noted: dict[str, str],
        told: dict[str, str],
    ) -> None:
        name = shown(drop.case.name)
        verdict, said, lines = "left", told.get(name, ""), ()
        if found.place == "archive":
            verdict = "accepted"
            tally.accepted += 1
            text, spec = jobs.get(found.id, (None, {}))
            if text is None:
                tally.lost.append(f"{name}: archived, but no job {found.id}")
            elif text != drop.text:
                tally.half_read.append(f"{name}: {len(text)} bytes of {len(drop.text or b'')}")
            elif drop.case.keeps and (kept := _at(spec, drop.case.keeps[0])) != drop.case.keeps[1]:
                tally.wrong.append(f"{name}: {drop.case.keeps[1]!r} became {kept!r}")
        elif found.place == "rejected":
            verdict = "rejected"
            tally.rejected += 1
            lines = _reason(found.path.parents[1])
            said = "; ".join(lines)
            if noted.get(found.id) != said:
                tally.wrong.append(f"{name}: the queue was told {noted.get(found.id)!r}: {said!r}")
            if not all(line and line.isprintable() for line in lines) or not lines:
                tally.wrong.append(f"{name}: a reason nobody can read: {lines!r}")
            if "a fault in orchestrator itself" in said:
                tally.crashed.append(f"{name}: {said}")
        else:
            tally.left += 1
            if not said and not is_skipped(drop.case.name):
                tally.wrong.append(f"{name}: left in {found.place} without a word")
        wanted = drop.case.verdict
        if wanted not in {"any", verdict} or drop.case.says not in said:
            tally.wrong.append(f"{name}: {verdict}, not {wanted} {drop.case.says!r}: {said!r}")
        if drop.case.exactly is not None:
            exactly = tuple(it.replace("{name}", os.fsdecode(drop.case.name)) for it in drop.case.exactly)
            if lines != exactly:
                tally.wrong.append(f"{name}: said {lines!r}, not {exactly!r}")

    async def _read_log(self, tally: Tally) -> None:
        """Write status.log as the daemon does: one line an entry, and nothing a terminal obeys."""
        row = await self.db.write(found_home, "testhome", read_anchor(0.0))
        path = self.home.log / "status.log"
        path.unlink(missing_ok=True)
        projection = await Projection.open(self.db, path, row, self._config.log)
        projection._file.close()
        lines = path.read_text().split("\n")
        entries = await self.db.read(lambda conn: conn.execute("SELECT seq FROM history").fetchall())
        if lines.pop() or len(lines) != len(entries):
            tally.wrong.append(f"status.log has {len(lines)} lines for {len(entries)} entries")
        tally.wrong += [f"status.log: {line!r}" for line in lines if not line.isprintable()]


def _is_small_file(path: Path) -> bool:
    can_be_read = os.access(path, os.R_OK)
    return can_be_read and not path.is_symlink() and path.is_file() and path.stat().st_size < HASHED


def _told_once(home: Home) -> dict[str, str]:
    """Return what is said of drops that could not be moved, by name."""
    reasons = [json.loads(path.read_text()) for path in home.rejected.glob("*/reason.json")]
    return {it["name"]: "; ".join(it["problems"]) for it in reasons if not it["moved"]}


def _at(tree: Any, path: Iterable[str | int]) -> Any:
    for part in path:
        tree = tree[part]
    return tree


def _reason(folder: Path) -> tuple[str, ...]:
    return tuple(json.loads((folder / "reason.json").read_text())["problems"])


def _jobs(conn: Connection) -> dict[str, tuple[bytes, dict[str, Any]]]:
    rows = conn.execute("SELECT id, text, spec FROM job").fetchall()
    return {row["id"]: (row["text"], json.loads(row["spec"])) for row in rows}


def _rejections(conn: Connection) -> dict[str, str]:
    rows = conn.execute("SELECT id, reason FROM rejection").fetchall()
    return {row["id"]: row["reason"] for row in rows}


@asynccontextmanager
async def opened_house(
    root: Path, config: str = "", read_spec: ReadSpec | None = None
) -> AsyncIterator[House]:
    """Open a new home; it is removed at the end."""
    home = Home(root)
    prepare(home)
    home.config.write_text(config)
    loaded = load(home, {name: kind.options for name, kind in kinds().items()})
    try:
        async with open_database(home.database, home.backups) as db:
            yield House(root, loaded, db, read_spec or read_with(loaded))
    finally:
        shutil.rmtree(root, ignore_errors=True)


async def throw(
    folder: Path, cases: Sequence[Case], read_spec: ReadSpec | None = None
) -> Tally:
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
