"""A SoSTrades server on a bad day."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.system.bad_day import BadDay

SHARED = 3  # jobs of one study
DIALS = ("--set", "repaired=1")  # tables are taken

# Each strikes once, most where it does the most harm.
FAULTS = (
    "drop-after,on=POST */execute/*",
    "error-after=500,skip=1,on=POST */execute/*",
    "html,skip=2,on=POST */execute/*",
    "cut=20,skip=3,on=POST */execute/*",
    "fails-after=500,skip=4,on=POST */execute/*",
    "cold-start=0.5,skip=1,on=POST */execute/*",
    "lost-write,on=POST */parameters",
    "slow-update=0.3,skip=1,on=POST */parameters",
    "drop-after,skip=1,on=POST */parameters",
    "error-before=500,skip=2,on=POST */parameters",
    "error-after=502,skip=3,on=POST */parameters",
    "empty-json,skip=3,on=POST */parameters",
    "drop-before,skip=3,on=POST */download",
    "cut=4,skip=9,on=POST */download",
    "short-body,skip=12,on=POST */download",
    "drop-before,on=HEAD *",
    "error-before=503,skip=4,on=HEAD *",
    "odd-status=MARS,skip=9,on=GET */status/*",
    "error-before=500,skip=12,on=GET */status/*",
    "html,skip=15,on=GET */status/*",
    "too-many=0.3,skip=20,on=GET */status/*",
    "cut=2000,on=GET */html",
    "short-body,skip=1,on=GET */html",
    "drop-after,on=GET */read-only-mode",
    "error-before=502,on=GET */logs",
    "redirect,skip=40",
    "gzip,skip=50",
    "late=0.2,skip=60",
)
AT_ANY_TIME = (
    "error-before=500", "drop-before", "drop-after", "cut", "html", "empty-json", "short-body",
    "lost-write", "slow-update=0.2", "cold-start=0.2",
)  # fmt: skip


def _slow(study: int, factor: float, **more: object) -> str:
    """Return a job of a study that multiplies a table."""
    at = f"slow{study}.Slow"
    values = {f"{at}.factor": factor, f"{at}.sleep_s": 0.0} | {
        f"{at}.{name}": it for name, it in more.items()
    }
    lines = [f"{json.dumps(name)} = {json.dumps(it)}" for name, it in values.items()]
    return "\n".join([
        'backend = "sostrades"', "[run]", f"study = {study}", f'values = ["{at}.out_table"]',
        "[run.parameters]", *lines, "",
    ])  # fmt: skip


def _table(number: int) -> str:
    return "years,quantity\n" + "".join(f"{1990 + i},{number}.5\n" for i in range(200))


JOBS = {
    **{f"shared-{i}": {"job.toml": _slow(5, float(i + 2))} for i in range(SHARED)},
    **{f"own-{i}": {"job.toml": _slow(i, float(i))} for i in (7, 9)},
    "table": {
        "job.toml": _slow(11, 3.0) + '[run.tables]\n"slow11.Slow.table" = "table.csv"\n',
        "table.csv": _table(4),
    },
    "fails": {"job.toml": _slow(13, 2.0, fail=True)},
    "unheard": {"job.toml": _slow(15, 2.0, nope=1)},
    "behind": {"job.toml": 'after = ["own-7"]\n' + _slow(5, 9.0)},
}  # fmt: skip
ENDS = dict.fromkeys(JOBS, "succeeded") | {"fails": "failed", "unheard": "failed"}


def study_of(name: str) -> int:
    """Return the study of a job."""
    return int(JOBS[name]["job.toml"].partition("study = ")[2].partition("\n")[0])


class Day(BadDay):
    """The daemon and the service; and a person who looks after both."""

    def last_life(self) -> int:
        """Serve until nothing can move any more; return the exit code.

        Whose execute was cut short is asked for help: a person looks at the study, sees that
        nothing was executed, and says so.
        """
        daemon = self.daemon.start("--until-idle")
        while True:
            try:
                return daemon.wait(0.5)
            except subprocess.TimeoutExpired:
                for name in self._in_doubt():
                    assert self.daemon.ask("hold", name).returncode == 0
                    assert self.daemon.ask("retry", name, "--i-checked").returncode == 0

    def _in_doubt(self) -> list[str]:
        """Return the jobs that were not executed, though nothing proves it to the daemon."""
        asked = "SELECT job.name, run.memo FROM run JOIN job ON job.id = run.job WHERE run.state"
        found = self.daemon.rows(f"{asked} = 'unknown' AND run.last_error LIKE '%as before this%'")
        if not found or self.cloud.told()["under_way"]:
            return []
        last: dict[object, object] = {it["study"]: it["id"] for it in self.executions()}
        return [
            name
            for name, memo in found
            if last.get(study_of(name), 0) == json.loads(memo)["before"]
        ]

    def executions(self) -> list[dict[str, object]]:
        """Return what was really calculated over there."""
        at = f"{self.cloud.facts['control']}/executions"
        found: list[dict[str, object]] = httpx.get(at).raise_for_status().json()
        return found


@pytest.fixture
def day(tmp_path: Path, program: list[str], environment: dict[str, str]) -> Iterator[Day]:
    """The service runs, and a home is made; neither outlives the test."""
    day = Day("sostrades", DIALS, tmp_path, program, environment)
    try:
        day.daemon.init(config=day.begin())
        yield day
    finally:
        day.end()


def test_every_job_has_the_end_it_must_have(day: Day) -> None:
    """Somebody would have a study calculated twice, or trust a result of other values."""
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
    day.kill_often(JOBS, FAULTS, always, kills)
    assert day.last_life() == 1, day.daemon.said[-3000:]  # some jobs fail, as they should
    _assert_ends(day)
    _assert_results(day)
    day.daemon.assert_sound()
    day.tell(len(JOBS), kills)


def _assert_ends(day: Day) -> None:
    """Every job has its end, and its study was calculated once for it, and for nobody else."""
    rows = day.daemon.rows("SELECT name, state FROM job")
    said = {name: day.daemon.explained(name) for name, state in rows if state != ENDS[name]}
    assert dict(rows) == ENDS, said
    wanted = Counter(study_of(name) for name in JOBS if name != "unheard")
    done = day.executions()
    assert Counter(it["study"] for it in done) == wanted
    assert {it["stage"] for it in done} == {"over"}
    names = day.daemon.rows("SELECT remote_id FROM run WHERE remote_id IS NOT NULL")
    assert {name for (name,) in names} == {f"{it['study']}/{it['id']}" for it in done}


def _assert_results(day: Day) -> None:
    """What is stored is what was calculated, with the job's own values."""
    results: dict[str, Path] = {}
    for path in day.daemon.home.glob("results/*/latest/MANIFEST.json"):
        results[json.loads(path.read_text())["job"]["name"]] = path.parent
    factors = {f"shared-{i}": i + 2.0 for i in range(SHARED)}
    factors |= {"own-7": 7.0, "own-9": 9.0, "behind": 9.0}
    for name, factor in factors.items():
        table = f"years,quantity\n1982,{10 * factor}\n1983,{5 * factor}\n"
        assert _values(results[name], name) == table
    lines = "".join(f"{1990 + i},13.5\n" for i in range(200))
    assert _values(results["table"], "table") == f"years,quantity\n{lines}"
    for name in (*factors, "table"):
        outputs = {it.name for it in (results[name] / "outputs").iterdir()}
        assert outputs == {"values", "charts.html", "charts.json", "plotly.min.js", "study.json"}
    assert not (results["fails"] / "outputs").exists()
    assert "asked to fail" in (results["fails"] / "execution.log").read_text()


def _values(folder: Path, name: str) -> str:
    at = f"slow{study_of(name)}.Slow.out_table.csv"
    return (folder / "outputs/values" / at).read_text()
