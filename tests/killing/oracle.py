"""What must hold in the end, whatever died on the way."""

import json
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from orchestrator.store.sqlite import Connection, connect_reader
from tests.killing.scenarios import Place, Scenario

JOBS = "SELECT name, shown, hold_code, runs, coalesce(hold_reason, reason) AS reason FROM job"
KEPT = """
SELECT run.key FROM run JOIN job ON job.id = run.job
WHERE job.hold_code = 'lost' OR run.outcome IN ('lost', 'abandoned')
"""


@dataclass
class Judgement:
    """What is wrong, by kind; and the jobs that are held as lost, run or not."""

    lost: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def bad(self) -> list[str]:
        """Everything that must not be."""
        return [*self.lost, *self.twice, *self.wrong]


Grace = Literal["lost", "failed", "absent", "litter"]
"""What a fault makes right: runs held as lost, when their supervisor was killed; runs that failed
and say so, when the disk failed their supervisor; no job, when the producer did not say that there
is one; what a killed producer had begun."""


def judge(scenario: Scenario, place: Place, may: Collection[Grace]) -> Judgement:
    """Hold a home that has come to rest against what must have come of it."""
    found = Judgement()
    with closing(connect_reader(place.home.database)) as conn:
        rows = conn.execute(JOBS).fetchall()
        found.wrong += _history(conn, place)
        found.wrong += _litter(conn, place) if "litter" not in may else ()
    names = [row["name"] for row in rows]
    if "absent" not in may:
        found.lost += [f"job {name} is nowhere" for name in scenario.ends if name not in names]
    found.twice += [f"job {name} is there twice" for name in set(names) if names.count(name) > 1]
    lines = place.ledger.read_text().splitlines()
    found.twice += [f"run {line} ran twice" for line in set(lines) if lines.count(line) > 1]
    for row in rows:
        name, mine = row["name"], [line for line in lines if line.split()[0] == row["name"]]
        if row["hold_code"] == "lost" and "lost" in may:
            found.held.append(name)
        elif row["shown"] == "FAILED" and "failed" in may:
            found.failed.append(f"{name}: {row['reason']}")
        elif row["shown"] != scenario.ends.get(name):
            found.wrong.append(f"job {name} is {row['shown']}: {row['reason']}")
        elif mine != scenario.lines(name) and "lost" not in may:
            found.lost.append(f"job {name} is {row['shown']} and left {mine}")
        if row["runs"] < len(mine):
            found.twice.append(f"job {name} counts {row['runs']} runs, its ledger {mine}")
    found.wrong += _rejected(scenario, place)
    found.wrong += _said(place)
    return found


def _history(conn: Connection, place: Place) -> Iterator[str]:
    """status.log has each entry of the history once, in order."""
    seqs = [row["seq"] for row in conn.execute("SELECT seq FROM history ORDER BY seq")]
    status = (place.home.log / "status.log").read_text("utf-8").splitlines()
    shown = [int(line.rpartition("#")[2]) for line in status]
    if shown != seqs:
        yield f"the history has the entries {seqs}, status.log shows {shown}"


def _rejected(scenario: Scenario, place: Place) -> Iterator[str]:
    whole = [
        path
        for path in place.home.rejected.iterdir()
        if (path / "reason.txt").exists() and len(list((path / "dropped").iterdir())) == 1
    ]
    if len(whole) != scenario.rejected:
        yield f"{scenario.rejected} drops are to be rejected, whole are {sorted(whole)}"


def _litter(conn: Connection, place: Place) -> Iterator[str]:
    """Name what is left over at rest: it would pile up in the months that nobody looks."""
    home, runs = place.home, place.home.backend("local") / "runs"
    # The folders of runs that are lost are kept as they are, for a person to look at.
    kept = [runs / row["key"] for row in conn.execute(KEPT)]
    for folder in (home.spool, home.claimed, home.staging, runs):
        for path in sorted(folder.iterdir()) if folder.exists() else ():
            if path not in kept:
                yield f"left over: {path.relative_to(home.root)}"
    for path in sorted(home.root.rglob(".*")):
        # The next copy of the queue removes what is left of one that was broken off.
        if path.parent != home.backups and not any(path.is_relative_to(run) for run in kept):
            yield f"left over: {path.relative_to(home.root)}"


def _said(place: Place) -> Iterator[str]:
    """Nothing that was foreseeable may have been said as a fault of the program."""
    for path in (place.root / "said", place.home.backend("local") / "supervisor.log"):
        if path.exists() and "Traceback" in path.read_text():
            yield f"a traceback: {_last_line(path)}"
    for line in (place.home.log / "orchestrator.jsonl").read_text().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            yield f"orchestrator.jsonl: not JSON: {line[:200]}"
            continue
        if "exception" in event or event.get("event") in {"internal error", "submit failed"}:
            yield f"orchestrator.jsonl: {line[-300:]}"


def _last_line(path: Path) -> str:
    return path.read_text().rstrip().rpartition("\n")[2][:300]
