"""A cluster behind DRMAAtic on a bad day, in both dialects."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.bad_day import BadDay
from tests.system.decks import assert_solved, read

pytestmark = [pytest.mark.needs("ccx"), pytest.mark.parametrize("year", ["2025", "2023"])]

COPIES = 3
DECK = "beam8f"

# Each strikes once, most where it does the most harm.
FAULTS = (
    "drop-after,on=POST *",
    "drop-before,skip=1,on=POST *",
    "error-after=500,skip=1,on=POST *",
    "error-before=500,skip=2,on=POST *",
    "cut=200,skip=2,on=POST *",
    "html,skip=3,on=POST *",
    "empty-json,skip=3,on=POST *",
    "stays-received,on=POST *",
    "late-row=0.3,skip=4,on=POST *",
    "slow-submit=0.3,skip=5,on=POST *",
    "too-many=1,skip=4,on=POST *",
    "list-lag=0.5,on=GET *",
    "controller-down=0.3,skip=4,on=GET *",
    "wrong-uuid,on=GET *",
    "odd-status,on=GET *",
    "late-files=0.3,on=GET *",
    "short-body,on=GET */file/*.dat",
    "short-length,skip=3,on=GET */file/",
    "hostile-names,on=GET */file/",
    "token-expired,skip=30",
    "redirect,skip=35",
    "forbidden,skip=40",
    "gzip,skip=45",
    "late=0.2,skip=50",
)
AT_ANY_TIME = (
    "error-before=500", "error-after=500", "drop-before", "drop-after", "cut", "html",
    "empty-json", "short-body", "forbidden", "late-row=0.2", "slow-submit=0.2",
    "wrong-uuid,on=GET *", "odd-status", "late-files=0.2",
)  # fmt: skip

SHELL = """\
{after}backend = "drmaatic"

[run]
task = "shell"
files = {{ script = "run.sh"{data} }}
parameters = {{ argument = ["for all", "{name}"] }}
proof = {proof}
proof_wait = "1s"

[outputs]
exclude = ["*.log"]
"""
OTHERS = {
    "array": """\
backend = "drmaatic"
[run]
task = "arr"
proof = ["out_1.txt", "out_2.txt", "out_3.txt", "out_4.txt"]
""",
    "fails": """\
backend = "drmaatic"
[run]
task = "fail"
parameters = { code = 3 }
""",
    "archive": """\
backend = "drmaatic"
[run]
task = "echo-file"
files = { input_file = "text.txt" }
take = "zip"
[outputs]
unpack = ["*.zip"]
""",
}


def _shell(
    name: str, script: str, *, data: str = "", proof: str = "", after: str = ""
) -> dict[str, str]:
    """Return the files of a job that runs a script."""
    spec = SHELL.format(
        name=name,
        after=f'after = ["{after}"]\n' if after else "",
        data=f', data = "{data}"' if data else "",
        proof=json.dumps([proof] if proof else []),
    )
    return {"job.toml": spec, "run.sh": script}


SORTS = 'LC_ALL=C sort data.txt > sorted.txt; echo "$1/$2" > words.txt'


def _lines(number: int) -> str:
    """Return an input of half a megabyte or so."""
    return "".join(f"{number} {i}\n" for i in range(60_000))


JOBS = {
    **{f"copy-{i}": _shell(f"copy-{i}", SORTS, data="in.txt", proof="sorted.txt")
       | {"in.txt": _lines(i)} for i in range(COPIES)},
    **{name: {"job.toml": text} for name, text in OTHERS.items()},
    "unproved": _shell("unproved", "echo half > half.txt", proof="whole.txt"),
    "mesh": _shell("mesh", "sleep 3; date +%s.%N > ended.txt"),
    "solve": _shell("solve", "date +%s.%N > began.txt", after="mesh"),
    "broken": _shell("broken", "sleep 3; exit 7"),
    "never": _shell("never", "echo begun > begun.txt", after="broken"),
    "endless": _shell("endless", "echo begun > begun.txt; exec sleep 1000"),
    "deck": _shell("deck", "ccx data > solver.log", data="deck.inp", proof="data.dat"),
}  # fmt: skip
JOBS["archive"]["text.txt"] = "in capitals\n"
ENDS = dict.fromkeys(JOBS, "succeeded") | {
    "fails": "failed",
    "unproved": "failed",
    "broken": "failed",
    "never": "cancelled",
    "endless": "cancelled",
}


class Day(BadDay):
    """The daemon and the service."""

    def astray(self) -> dict[str, str]:
        """Return the jobs that have not the end they must have, and what `explain` says of them.

        A person must decide about a run that the service goes on calling received; a job that
        comes after it is cancelled.
        """
        rows = self.daemon.rows("SELECT name, state FROM job ORDER BY seq")
        return {name: self.daemon.explained(name) for name, state in rows if state != ENDS[name]}


@pytest.fixture
def day(
    year: str, tmp_path: Path, program: list[str], environment: dict[str, str]
) -> Iterator[Day]:
    """The service runs, and a home is made; neither outlives the test."""
    words = ("--set", f"dialect={year}")
    day = Day("drmaatic", words, tmp_path, program, environment)
    try:
        account = "private_network = true\n"
        windows = account + 'absence_after = "2 s"\nreceived_limit = "2 s"\n'
        day.daemon.init(config=day.begin().replace(account, windows))
        yield day
    finally:
        day.end()


def test_every_job_has_the_end_it_must_have(day: Day) -> None:
    """Somebody would have a computation made twice, lose one, or trust half of a result."""
    _bad_day(day, kills=4)
    assert day.cloud.left(FAULTS) == [], "some faults never struck"


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("number", range(5))
def test_jobs_get_through_a_day_that_stays_bad(day: Day, number: int) -> None:
    """Jobs would hang until somebody mends the service, though every call works at times."""
    del number
    _bad_day(day, *(f"{it},chance=0.01" for it in AT_ANY_TIME), kills=15)


def _bad_day(day: Day, *always: str, kills: int) -> None:
    daemon = day.daemon
    deck = {**JOBS["deck"], "deck.inp": read(f"{DECK}.inp")}
    day.kill_often({**JOBS, "deck": deck}, FAULTS, always, kills)
    assert daemon.ask("cancel", "endless").returncode == 0
    assert day.last_life() == 1, daemon.said[-3000:]  # some jobs fail, as they should
    for name, said in day.astray().items():
        assert "has been received from the ws" in said or "is held: how its run" in said, said
        assert daemon.ask("retry", name).returncode == 0
    assert day.last_life() in {0, 1}, daemon.said[-3000:]
    _assert_ends(day)
    _assert_results(day)
    daemon.assert_sound()
    day.tell(len(JOBS), kills)


def _assert_ends(day: Day) -> None:
    """Every job has its end, and each run of ours was started once over there, no other was."""
    rows = day.daemon.rows("SELECT name, state, runs FROM job")
    assert {name: state for name, state, _ in rows} == ENDS
    runs = day.daemon.rows("SELECT key, outcome FROM run WHERE remote_id IS NOT NULL")
    keys = [key for key, outcome in runs if outcome not in {"abandoned", "lost"}]
    told = day.cloud.told()
    tags = {(job["job"], job["tag"].split()[-1]) for job in told["jobs"]}
    assert Counter(tag for _, tag in tags) == Counter(keys)
    assert told["live"] == []


def _assert_results(day: Day) -> None:
    """What is stored is what was computed, to the byte."""
    outputs: dict[str, Path] = {}
    for path in day.daemon.home.glob("results/*/latest/MANIFEST.json"):
        outputs[json.loads(path.read_text())["job"]["name"]] = path.parent / "outputs"
    for i in range(COPIES):
        folder = outputs[f"copy-{i}"]
        lines = "".join(sorted(_lines(i).splitlines(keepends=True)))
        assert _contents(folder) == {"sorted.txt": lines, "words.txt": f"for all/copy-{i}\n"}
    assert _contents(outputs["array"]) == {f"out_{i}.txt": f"element {i}\n" for i in range(1, 5)}
    assert _contents(outputs["fails"]) == {"partial.txt": "as far as it went\n"}
    assert _contents(outputs["unproved"]) == {"half.txt": "half\n"}
    (ended,), (began,) = (_contents(outputs[name]).values() for name in ("mesh", "solve"))
    assert float(ended) <= float(began)
    assert "never" not in outputs or _contents(outputs["never"]) == {}
    (archive,) = outputs["archive"].glob("*.zip")
    assert (archive.with_suffix("") / "sub/deep/upper.txt").read_text() == "IN CAPITALS\n"
    assert_solved(DECK, outputs["deck"] / "data.dat")


def _contents(folder: Path) -> dict[str, str]:
    """Return the files of a folder with their texts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): path.read_text() for path in files}
