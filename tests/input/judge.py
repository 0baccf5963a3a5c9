"""What became of everything that was dropped, held against what must have become of it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import fsdecode
from typing import Any, NamedTuple

from orchestrator.config import Home
from orchestrator.spool import Deferred, is_skipped, shown
from orchestrator.store.sqlite import Connection
from tests.input.case import Case, Tally
from tests.input.custody import Found, Inode, everything

OUR_FAULT = "a fault in orchestrator itself"


@dataclass(frozen=True, slots=True)
class Drop:
    """A case as it lies in the spool: what tells it from others, and all of its bytes."""

    case: Case
    inode: Inode
    digest: str
    text: bytes | None  # of the job file, if one is plain to see


class Job(NamedTuple):
    """What the queue holds of a job."""

    text: bytes
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What was said: jobs and refusals in the queue by id, and by name why a drop is left."""

    jobs: Mapping[str, Job]
    refused: Mapping[str, str]
    left: Mapping[str, str]


def told(conn: Connection, home: Home, deferred: Iterable[Deferred]) -> Told:
    """Read what was said."""
    jobs = conn.execute("SELECT id, text, spec FROM job").fetchall()
    refused = conn.execute("SELECT id, reason FROM rejection").fetchall()
    reasons = [json.loads(path.read_text()) for path in home.rejected.glob("*/reason.json")]
    return Told(
        jobs={row["id"]: Job(row["text"], json.loads(row["spec"])) for row in jobs},
        refused={row["id"]: row["reason"] for row in refused},
        left={it["name"]: "; ".join(it["problems"]) for it in reasons if not it["moved"]}
        | {each.name: each.why for each in deferred},
    )


def judge(home: Home, drops: Sequence[Drop], said: Told) -> Tally:
    """Find every drop again, whole, and judge what it became."""
    tally = Tally("", cases=len(drops))
    found = everything(home)
    for drop in drops:
        name = shown(drop.case.name)
        match found.pop(drop.inode, []):
            case [one] if one.digest == drop.digest:
                _judge(tally, name, drop, one, said)
            case [one]:
                tally.lost.append(f"{name}: its bytes changed in {one.place}")
            case several:
                tally.lost.append(f"{name}: lies in {len(several)} places")
    for strays in found.values():
        tally.wrong += [f"{stray.path}: nobody dropped this" for stray in strays]
    return tally


def _judge(tally: Tally, name: str, drop: Drop, found: Found, said: Told) -> None:
    match found.place:
        case "archive":
            verdict, lines = "accepted", list[str]()
            tally.accepted += 1
            _accepted(tally, name, drop, said.jobs.get(found.id))
        case "rejected":
            verdict, lines = "rejected", _reason(found)
            tally.rejected += 1
            _rejected(tally, name, lines, said.refused.get(found.id))
        case _:
            verdict, lines = "left", [said.left.get(name, "")]
            tally.left += 1
            if lines == [""] and not is_skipped(drop.case.name):
                tally.wrong.append(f"{name}: left in {found.place} without a word")
    case, text = drop.case, "; ".join(lines)
    if case.verdict not in {"any", verdict} or case.says not in text:
        tally.wrong.append(f"{name}: {verdict}, not {case.verdict} {case.says!r}: {text!r}")
    if case.exactly is not None:
        exactly = [line.replace("{name}", fsdecode(case.name)) for line in case.exactly]
        if lines != exactly:
            tally.wrong.append(f"{name}: said {lines!r}, not {exactly!r}")


def _accepted(tally: Tally, name: str, drop: Drop, job: Job | None) -> None:
    if job is None:
        tally.lost.append(f"{name}: archived, and no job")
    elif job.text != drop.text:
        tally.half_read.append(f"{name}: {len(job.text)} bytes of {len(drop.text or b'')}")
    elif drop.case.keeps is not None:
        path, value = drop.case.keeps
        kept: Any = job.spec
        for part in path:
            kept = kept[part]
        if kept != value:
            tally.wrong.append(f"{name}: {value!r} became {kept!r}")


def _rejected(tally: Tally, name: str, lines: Sequence[str], noted: str | None) -> None:
    text = "; ".join(lines)
    if noted != text:
        tally.wrong.append(f"{name}: the queue was told {noted!r}, people {text!r}")
    if not lines or not all(line and line.isprintable() for line in lines):
        tally.wrong.append(f"{name}: a reason that nobody can read: {lines!r}")
    if OUR_FAULT in text:
        tally.crashed.append(f"{name}: {text}")


def _reason(found: Found) -> list[str]:
    told = json.loads((found.path.parents[1] / "reason.json").read_text())
    lines: list[str] = told["problems"]
    return lines
