"""Job files cut at every byte: as all that was ever written, and as what a writer has so far.

The first lines of a TOML file may be a whole valid job. Such a prefix is taken for what it is only
when its writer is done; while he has it open, or comes back within the time to settle, it waits.
"""

import tomllib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import IO

from jsonschema import Draft202012Validator

from orchestrator.document import job_schema
from orchestrator.registry import kinds
from tests.input.case import Case, Tally
from tests.input.group import Means
from tests.input.house import House, opened_house, settled, throw

TOML = '''# a job that is whole long before its end
run.command = ["sh", "-c", """
true "$1"
""", 'Träger']
name = "cut"
tags = ["a", "\\u00e4"]

[run.env]
A = "1"

[limits]
time = "10 min"
deadline = 2999-12-31T18:00:00Z

[retry]
attempts = 3
delay = 1.5
on = ["failed"]

[outputs]
include = ["*.dat"]
'''.encode()

JSON = (
    b'{"run": {"command": ["sh", "-c", "true"], "env": {"A": "\\u00e4"}}, "retry": {"attempts": 3}}'
)

YAML = b"""# a job
run:
  command: [sh, -c, "true"]
  env: {A: "1"}
name: cut
tags:
- a
- b
"""

LATER = datetime(2999, 1, 1, tzinfo=UTC)
FILES_OPEN = 200  # at once; a process may have a thousand
HELD = "it is open for writing"


async def cuts(means: Means) -> Tally:
    """Cut each file, and write each cut of one in the ways of people and programs."""
    finished = [*_finished_toml()]
    finished += [Case(b"%04d.json" % end, JSON[:end], "rejected") for end in range(len(JSON))]
    finished += [Case(b"%04d.yaml" % end, YAML[:end], "any") for end in range(len(YAML))]
    total = await throw(means.folder, means.some(finished))
    ends = means.some(range(len(TOML)))
    for start in range(0, len(ends), FILES_OPEN):
        for write in (_held_open, _closed_and_opened):
            async with opened_house(means.folder / f"{write.__name__}-{start}") as house:
                total.add(await write(house, ends[start : start + FILES_OPEN]))
    return total


def _finished_toml() -> list[Case]:
    """Each cut is judged by the TOML reader of the standard library and our published schema."""
    schema = Draft202012Validator(job_schema({"local": kinds()["local"].run}))
    cases = []
    for end in range(len(TOML)):
        try:
            tree = tomllib.loads(TOML[:end].decode())
        except ValueError:
            good = False
        else:
            deadline = tree.get("limits", {}).pop("deadline", LATER)
            moment = isinstance(deadline, datetime) and deadline.tzinfo is not None
            good = moment and schema.is_valid(tree)
        cases.append(Case(b"%04d.toml" % end, TOML[:end], "accepted" if good else "rejected"))
    assert sum(case.verdict == "accepted" for case in cases) > 20, "a poor sample"
    return cases


async def _held_open(house: House, ends: Sequence[int]) -> Tally:
    """A writer with the file open is waited for, however long he rests at any byte."""
    files: dict[int, IO[bytes]] = {}
    early: list[str] = []
    for end in ends:
        files[end] = house.path(_name(end)).open("wb", buffering=0)
        files[end].write(TOML[:end])
    for later in (0.0, 2.0, 60.0, 3600.0):
        report = await house.scan(later)
        waits = [each for each in report.deferred if each.why == HELD or not later]
        if len(waits) != len(ends) or report.accepted or report.rejected:
            early.append(f"{len(waits)} of {len(ends)} wait for their writer: {report}"[:500])
    for end, file in files.items():
        file.write(TOML[end:])
        file.close()
    return await _whole(house, ends, early)


async def _closed_and_opened(house: House, ends: Sequence[int]) -> Tally:
    """A writer who closes between two lines and is back within the time to settle is waited for."""
    early: list[str] = []
    for is_first in (True, False):
        for end in ends:
            with house.path(_name(end)).open("ab") as file:
                file.write(TOML[:end] if is_first else TOML[end:])
        for later in (0.0, 1.9):
            report = await house.scan(later)
            if report.accepted or report.rejected:
                early.append(f"taken {later} s after it was closed: {report}"[:500])
    return await _whole(house, ends, early)


async def _whole(house: House, ends: Sequence[int], early: list[str]) -> Tally:
    cases = [Case(_name(end), TOML, "accepted") for end in ends]
    tally = await settled(
        house, [house.note(case) for case in cases if house.path(case.name).exists()]
    )
    tally.half_read += early
    tally.lost += [f"{_name(end)!r} is gone" for end in ends[tally.cases :]]
    return tally


def _name(end: int) -> bytes:
    return b"%04d.toml" % end
