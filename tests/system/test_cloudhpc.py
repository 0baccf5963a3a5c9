"""Ten decks at a service that grants 100 calls an hour, through faults, kills, and a used-up quota.

No hour is waited for: the daemon and the service are under clocks that the test moves.
"""

import json
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hardship.clock import Clocks
from tests.hardship.service import LOOK_EVERY, Service
from tests.system.cloud import Cloud
from tests.system.decks import FAILS, SOLVED, assert_solved, read

pytestmark = pytest.mark.needs("ccx")

HOURLY = 100
AT_ONCE = 4  # calls that may be under way when a refusal comes that nobody could foresee
KILLS = 6  # at least, while jobs are started; the service is killed once among them
CALLS = (5, 25)  # what a daemon comes to before it is killed
QUIET = 3.0  # seconds without a call, after which a daemon that is ready is taken to wait
LIVES = 30  # at most
MINUTES, HOUR = 300.0, 3900.0  # seconds by which the clocks are moved between two lives

# Each strikes once, most where it does the most harm.
ADD, PAGE, STORED = "POST */simulation/add", "GET */simulation/index-short/*", "GET /s3/*"
FAULTS = (
    f"drop-after,on={ADD}",
    f"drop-before,on={ADD}",
    f"error-after,on={ADD}",
    f"html,on={ADD}",
    f"empty-json,skip=1,on={ADD}",
    f"neighbours=3,on={ADD}",
    f"list-lag=120,on={PAGE}",
    f"empty-page,skip=1,on={PAGE}",
    "foreign-id,on=GET */simulation/view/*",
    f"odd-status,on={PAGE}",
    f"numbers-as-texts,on={PAGE}",
    f"wrong-bytes,skip=6,on={STORED}.tar.gz",
    f"short-body,on={STORED}.dat",
    f"short-length,skip=2,on={STORED}",
    f"cut=30,skip=3,on={STORED}",
    "error-before,on=PUT /s3/*",
    "expired-urls,on=GET *",
    "foreign-host,skip=3",
    "late-results=30",
    "hostile-names",
    "download-shape=unheard-of",
    "too-many=1,skip=5",
    "too-many-until=1,skip=15",
    "forbidden,skip=20",
    "redirect,skip=25",
    "gzip,skip=30",
    "late=0.2,skip=35",
    "drip=0.001,skip=40",
    "over-quota-403",
)
AT_ANY_TIME = (
    "error-before", "error-after", "drop-before", "drop-after", "cut", "html", "empty-json",
    "short-body", "wrong-bytes", "forbidden", "empty-page", "expired-urls",
)  # fmt: skip

JOB = """\
backend = "cloudhpc"

[run]
script = "calculiX-2.21-PARDISO"
cpu = 1
ram = "standard"

[outputs]
include = ["*.dat", "CALCULIX.tar.gz"]
"""


class Day:
    """The daemon, the service, and the time that both take it for."""

    def __init__(self, tmp_path: Path, program: list[str], environment: dict[str, str]) -> None:
        self.began = time.monotonic()
        self.cloud = Cloud("cloudhpc", program, environment, tmp_path / "cloud")
        self.clocks = Clocks(tmp_path / "clocks")
        beside = tmp_path / "beside"
        beside.mkdir()
        self.daemon = Service(tmp_path / "home", beside, self.clocks.program, environment)
        self.ahead = 0.0
        self.kills = 0

    def later(self, seconds: float) -> None:
        """Move both clocks: the daemon's own when it starts again."""
        self.ahead += seconds
        self.cloud.move(seconds)
        self.clocks.slept(self.ahead)

    def kill(self) -> None:
        """Kill the daemon."""
        self.daemon.kill()
        self.kills += 1

    def live(self, calls: float = math.inf) -> int | None:
        """Serve until so many calls were made, or none are; return the exit code if it ended."""
        before = seen = self.cloud.calls().total()
        self.daemon.serve("--until-idle")
        assert self.daemon.daemon is not None
        since = time.monotonic()
        while (code := self.daemon.daemon.poll()) is None and seen < before + calls:
            if time.monotonic() > since + QUIET:
                break
            time.sleep(LOOK_EVERY)
            if (now := self.cloud.calls().total()) > seen:
                seen, since = now, time.monotonic()
        return code

    def explained(self) -> set[str]:
        """Return what `explain` says of each job that has not ended."""
        rows = self.daemon.rows("SELECT name FROM job WHERE state IN ('queued', 'active')")
        return {self.daemon.explained(name) for (name,) in rows}


@pytest.fixture
def day(tmp_path: Path, program: list[str], environment: dict[str, str]) -> Iterator[Day]:
    """The service runs, and a home is made; neither outlives the test."""
    day = Day(tmp_path, program, environment)
    try:
        day.cloud.start("--set", f"hourly={HOURLY}")
        day.daemon.init(config=day.cloud.facts["configuration"])
        yield day
    finally:
        day.daemon.end_processes()
        day.cloud.stop()


@pytest.mark.timeout(600)
def test_ten_decks_on_a_hundred_calls_an_hour(day: Day, tmp_path: Path) -> None:
    """Somebody would pay twice for a simulation, wait for ever, or trust a wrong number."""
    _ten_decks(day, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", range(5))
def test_ten_decks_while_any_call_may_fail(day: Day, tmp_path: Path, number: int) -> None:
    """Jobs would hang until somebody mends the service, though every call works at times."""
    del number
    _ten_decks(day, tmp_path, *(f"{name},chance=0.01" for name in AT_ANY_TIME))


def _ten_decks(day: Day, tmp_path: Path, *always: str) -> None:
    """Serve ten decks and one that fails; some faults strike once, others may at any time."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    rng = random.Random(seed)
    cloud, daemon = day.cloud, day.daemon
    for deck in (*SOLVED, FAILS):
        folder = tmp_path / deck
        folder.mkdir()
        (folder / f"{deck}.inp").write_text(read(f"{deck}.inp"))
        (folder / "job.toml").write_text(JOB)
        folder.rename(daemon.home / "spool" / deck)

    cloud.put(*cloud.left(FAULTS), *always)
    while day.kills < KILLS or len(cloud.told()["starts"]) < len(SOLVED) // 2:
        wild = day.kills < KILLS
        day.live(rng.randint(*CALLS) if wild else math.inf)
        day.kill()
        if day.kills == KILLS // 2:
            cloud.kill()
            cloud.start("--set", f"hourly={HOURLY}")
            cloud.put(*cloud.left(FAULTS), *always)
        day.later(MINUTES if wild else HOUR)
        assert day.kills < LIVES

    day.later(HOUR)
    cloud.others_call(HOURLY)
    assert day.live() is None
    refused = cloud.told()["account"]["refused"]
    assert 1 <= refused <= AT_ONCE, "only the service knew of the calls of others"
    held = f"0 of {HOURLY} calls an hour are left"
    assert held in daemon.ask("backends").stdout
    explained = day.explained()
    assert explained
    assert all(held in text for text in explained), explained

    lives, code = 0, None
    while code is None:
        lives += 1
        assert lives < LIVES, day.explained()
        day.kill()
        day.later(HOUR)
        code = day.live()
    assert code in {0, 1}, daemon.said[-3000:]  # 1 where this life saw the deck that fails
    assert cloud.left(FAULTS) == [], "some faults never struck"
    assert cloud.told()["account"]["refused"] == refused, "calls that could not be granted"
    _assert_results(day)
    calls, jobs = cloud.calls(), len(SOLVED) + 1
    for route, count in calls.most_common():
        print(f"{count / jobs:5.1f} {route}")  # noqa: T201 - a figure
    print(  # noqa: T201 - a figure
        f"{jobs} jobs, {calls.total() / jobs:.1f} calls a job, {refused} refused as nobody could"
        f" know, {day.kills} kills, {cloud.fired().total()} faults, {day.ahead / 3600:.1f} h in"
        f" {time.monotonic() - day.began:.0f} s"
    )


def _assert_results(day: Day) -> None:
    """Every run was started once, and what is stored is what the solver computed."""
    home, starts = day.daemon.home, day.cloud.told()["starts"]
    manifests = {}
    for path in home.glob("results/*/1/MANIFEST.json"):
        manifest = json.loads(path.read_text())
        manifests[manifest["job"]["name"]] = (path.parent, manifest)
    assert sorted(manifests) == sorted((*SOLVED, FAILS))
    keys = {f"{name}-{manifest['key']}" for name, (_, manifest) in manifests.items()}
    assert Counter(tag for start in starts for tag in start["tags"]) == Counter(keys)
    for deck in SOLVED:
        run, manifest = manifests[deck]
        assert manifest["outcome"] == "succeeded"
        verified = {file["name"]: file["verified"] for file in manifest["files"]}
        assert verified[f"outputs/{deck}.dat"] == verified["outputs/CALCULIX.tar.gz"] == "checksum"
        assert_solved(deck, run / "outputs" / f"{deck}.dat")
        files = {path.name: path.read_bytes() for path in (run / "outputs").iterdir()}
        assert files.keys() == {f"{deck}.dat", "CALCULIX.tar.gz"}
        assert day.cloud.stored() >= set(files.values()), "not as it was over there"
    run, manifest = manifests[FAILS]
    assert manifest["outcome"] == "failed"
    assert "COMPLETED, but its output says" in manifest["reason"]
    assert "*ERROR" in (run / "output.log").read_text()
    for check in (["verify", "--all"], ["fsck"]):
        done = day.daemon.ask(*check)
        assert done.returncode == 0, (check, done.stdout, done.stderr)
