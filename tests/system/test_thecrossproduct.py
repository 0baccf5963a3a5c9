"""A service without idempotency keys, on a bad day: the daemon, killed, against its stand-in."""

import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

RAILS = 6  # jobs with an input that is uploaded, and a result that can be computed again
SHELLS = 4  # jobs that leave some megabytes in several files
KILLS = 10
CALLS = range(12)  # so many that a daemon makes before it is killed; at 0 it is killed in its start
QUIET = 2.0  # seconds without a call, after which a daemon that is ready is taken to wait

# Every fault that an honest service and a bad network may bring, each on a call in a hundred.
BAD_DAY = [
    f"{fault},chance=0.01"
    for fault in (
        "error-before",
        "error-after",
        "drop-before",
        "drop-after",
        "cut",
        "drip=0.001",
        "late=0.2",
        "too-many",
        "too-many=1",
        "too-many-until=1",
        "forbidden",
        "redirect",
        "html",
        "empty-json,on=* /v1/*",
        "gzip",
        "short-body",
        "short-length",
        "expired-urls",
        "foreign-host",
        "token-killed",
        "odd-state",
        "foreign-id",
    )
] + ["list-lag=1", "late-outputs=1,chance=0.5", "empty-list", "dead-errors,chance=0.5"]


def _rails(n: int) -> str:
    """Return the measured points of two rails around a parabola that `n` bends."""
    rows = ["s,x_left,y_left,x_right,y_right"]
    for i in range(100):
        s, y = i * 5.0, n * (i * 5.0) ** 2 / 1e5
        rows.append(f"{s},{s},{y + 0.7175},{s},{y - 0.7175}")
    return "\n".join(rows) + "\n"


def _prepared(folder: Path) -> list[Path]:
    """Write the jobs; return what is to be submitted."""
    for n in range(RAILS):
        job = folder / f"rails-{n}"
        job.mkdir(parents=True)
        (job / "rails.csv").write_text(_rails(n))
        (job / "job.toml").write_text(
            'backend = "tcp"\n[run]\napp = "sncf_reseau/railway_track_regression"\n'
            'inputs = { rails = { input = "rails.csv" }, degree = 2 }\n'
        )
    for n in range(SHELLS):
        script = f"head -c 3000000 /dev/zero > zeros; mkdir deep; echo {n} > deep/{n}; exit {n % 2}"
        text = (
            f'backend = "tcp"\n[run]\napp = "emulator/shell"\ninputs = {{ script = "{script}" }}\n'
        )
        (folder / f"shell-{n}.toml").write_text(text)
    return list(folder.iterdir())


@contextmanager
def _service(
    program: list[str], environment: dict[str, str], root: Path
) -> Iterator[dict[str, Any]]:
    """Run the emulator as its users do; give the line that it prints."""
    command = [*program, "emulate", "thecrossproduct", "--root", str(root), "--seed", "1"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as emulator:
        try:
            assert emulator.stdout is not None
            yield json.loads(emulator.stdout.readline())
        finally:
            emulator.terminate()
    assert emulator.returncode == 0


def _count(log: Path, word: bytes = b"\n") -> int:
    return log.read_bytes().count(word) if log.exists() else 0


def _live(
    daemon: "subprocess.Popen[bytes]", calls: Path, log: Path, before: tuple[int, int], most: int
) -> None:
    """Wait until a daemon has made so many calls, or is ready and has made none for a while."""
    seen, ready = before
    since = None
    while seen < before[0] + most:
        assert daemon.poll() is None, log.read_text()[-4000:]
        if (now := _count(calls)) > seen or (since is None and _count(log, b" ready ") > ready):
            seen, since = now, time.monotonic()
        elif since is not None and time.monotonic() > since + QUIET:
            return
        time.sleep(0.005)


@pytest.mark.timeout(600)
def test_every_job_runs_once_whatever_goes_wrong(
    tmp_path: Path, program: list[str], environment: dict[str, str]
) -> None:
    """Somebody would pay twice for one computation, lose one, or trust half of a result."""
    _bad_day(tmp_path, program, environment, mends=True)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("day", range(5))
def test_jobs_get_through_a_day_that_stays_bad(
    day: int, tmp_path: Path, program: list[str], environment: dict[str, str]
) -> None:
    """Jobs would hang until somebody mends the service, though every call works at times."""
    del day
    _bad_day(tmp_path, program, environment, mends=False)


def _bad_day(
    tmp_path: Path, program: list[str], environment: dict[str, str], *, mends: bool
) -> None:
    """Serve jobs under faults and kills; the faults may end with the kills."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201 - shown when the test fails
    rng = random.Random(seed)
    home, log, calls = tmp_path / "home", tmp_path / "serve.log", tmp_path / "service/calls.log"
    run = [*program, "--home", str(home)]
    subprocess.run([*run, "init"], env=environment, check=True, capture_output=True)
    with _service(program, environment, tmp_path / "service") as told, log.open("ab") as said:
        with (home / "orchestrator.toml").open("a") as file:
            window = 'private_network = true\nabsence_after = "3 s"\n'
            file.write(told["configuration"].replace("private_network = true\n", window))
        httpx.put(f"{told['control']}/faults", json=BAD_DAY).raise_for_status()
        submit = [*run, "submit", *map(str, _prepared(tmp_path / "prepared"))]
        subprocess.run(submit, env=environment, check=True, capture_output=True)
        lives = struck = 0
        while lives < KILLS or struck <= KILLS:
            before = _count(calls), _count(log, b" ready ")
            daemon = subprocess.Popen([*run, "serve"], env=environment, stdout=said, stderr=said)
            _live(daemon, calls, log, before, rng.choice(CALLS))
            daemon.kill()
            daemon.wait()
            lives += 1
            known = httpx.get(told["control"]).raise_for_status().json()
            struck = sum(known["fired"].values())
        if mends:
            httpx.put(f"{told['control']}/faults", json=[]).raise_for_status()
        last = subprocess.run(
            [*run, "serve", "--until-idle"], env=environment, stdout=said, stderr=said, check=False
        )
        assert last.returncode == 1, log.read_text()[-4000:]  # some jobs fail, as they should
        known = httpx.get(told["control"]).raise_for_status().json()

    started = Counter(tag for start in known["starts"] for tag in start["tags"])
    manifests = [json.loads(path.read_text()) for path in home.glob("results/*/1/MANIFEST.json")]
    assert started == Counter(manifest["key"] for manifest in manifests)  # 0 lost, 0 run twice
    assert set(started.values()) == {1}
    outcomes = {manifest["job"]["name"]: manifest["outcome"] for manifest in manifests}
    assert outcomes == {f"rails-{n}": "succeeded" for n in range(RAILS)} | {
        f"shell-{n}": ("failed" if n % 2 else "succeeded") for n in range(SHELLS)
    }
    held_against = {
        file["verified"]
        for manifest in manifests
        for file in manifest["files"]
        if file["name"].startswith("outputs/")
    }
    assert held_against == {"checksum"}
    for n in range(RAILS):
        (path,) = home.glob(f"results/rails-{n}-*/1/outputs/alignment.json")
        fitted = json.loads(path.read_text())
        assert fitted["centre_line"]["y"] == pytest.approx([0.0, 0.0, n / 1e5], abs=1e-12)
        assert fitted["mean_gauge"] == pytest.approx(1.435)
    for n in range(SHELLS):
        (outputs,) = home.glob(f"results/shell-{n}-*/1/outputs")
        assert (outputs / "zeros").read_bytes() == bytes(3_000_000)
        assert (outputs / "deep" / str(n)).read_text() == f"{n}\n"
    for check in (["verify", "--all"], ["fsck"]):
        done = subprocess.run([*run, *check], env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (check, done.stdout, done.stderr)
