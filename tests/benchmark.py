"""Measure the service beside this machine's own limits: `python -m tests.benchmark`.

Everything happens in a temporary folder; for root, on a fresh ext4 in an image of its own, because
ext4 grows slow after many deletions. Prints what was measured; judges nothing.
"""

import argparse
import os
import platform
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.config.home import Home
from orchestrator.core.ids import id_from_bits
from orchestrator.core.intake import NewJob
from orchestrator.core.now import Now
from orchestrator.core.spec import JobSpec
from orchestrator.spool import drop_file
from orchestrator.store import entrance, migrate
from orchestrator.store.sqlite import connect_writer
from tests.benchmarks import limits, transfers
from tests.benchmarks.service import (
    call,
    cpu_seconds,
    memory,
    new_home,
    serving,
    wait_until,
)

IMAGE = 8 << 30  # bytes, most of them never written
AT_ONCE = 16


def main() -> None:
    """Measure all and print it."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--jobs", type=int, default=1000, help="no-op jobs to run")
    parser.add_argument("--drops", type=int, default=30, help="drops to time, one by one")
    parser.add_argument("--queued", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each limit, and of rest")
    parser.add_argument("--transfer", type=float, default=1.0, help="GiB to fetch and to send")
    asked = parser.parse_args()
    with fresh_disk() as (folder, disk):
        say(f"{os.cpu_count()} processors, Python {platform.python_version()}, {disk}")
        for name in ("renames", "submissions"):
            (folder / name).mkdir()
        renames = limits.synced_renames(folder / "renames", asked.seconds)
        commits = limits.full_commits(folder / "limit.db", asked.seconds)
        spawns = limits.spawns(asked.seconds)
        say("limit: synced renames", f"{renames:8.0f} /s")
        say("limit: SQLite commits, synchronous = FULL", f"{commits:8.0f} /s")
        say("limit: programs started and awaited", f"{spawns:8.0f} /s")

        home = new_home(folder / "submissions" / "home")
        drops = limits.rate(lambda n: drop_file(home, limits.SPEC, f"s{n}", ".toml"), asked.seconds)
        say("durable submissions", f"{drops:8.0f} /s", f"{drops / renames:.0%} of synced renames")

        for at_once in (None, AT_ONCE):
            label = "as configured by default" if at_once is None else f"{at_once} at once"
            home = new_home(folder / f"jobs-{at_once}", max_runs=at_once)
            done = end_to_end(home, asked.jobs)
            share = f"{done / commits:.1%} of commits, {done / spawns:.1%} of starts"
            say(f"no-op jobs from drop to result, {label}", f"{done:8.0f} /s", share)

        for label, measure in (
            ("a result fetched, hashed and synced", transfers.downloads),
            ("an input sent", transfers.uploads),
            ("an input sent in a form", transfers.forms),
        ):
            with tempfile.TemporaryDirectory(dir=folder) as place:
                speed = measure(Path(place), int(asked.transfer * (1 << 30)))
            beside = f"{speed.ours / speed.curl:.2f} of curl; memory {speed.memory:.0f} MiB"
            say(label, f"{speed.ours / 1e6:8.0f} MB/s", beside)

        home = new_home(folder / "latency")
        slow = sorted(latencies(home, asked.drops))
        median, worst = statistics.median(slow) * 1000, slow[-1] * 1000
        of_limit = f"one start here takes {1000 / spawns:.1f} ms"
        say("from drop to start, median", f"{median:8.0f} ms", f"slowest {worst:.0f}; {of_limit}")

        for queued in asked.queued:
            home = new_home(folder / f"queued-{queued}", max_runs=1)
            ready, now, highest, idle = at_rest(home, queued, asked.seconds * 5)
            say(f"ready to serve with {queued} queued jobs", f"{ready:8.2f} s")
            say(f"memory with {queued} queued jobs", f"{now:8.0f} MiB", f"highest {highest:.0f}")
            say(f"idle, {queued} jobs queued", f"{idle:8.2%} of one processor")


def say(what: str, figure: str = "", beside: str = "") -> None:
    """Print one line."""
    sys.stdout.write(f"{what:<56}{figure:<22}{beside}".rstrip() + "\n")
    sys.stdout.flush()


@contextmanager
def fresh_disk() -> Iterator[tuple[Path, str]]:
    """Give a folder to measure in, and say in words on what kind of disk it lies."""
    with tempfile.TemporaryDirectory(prefix="orchestrator-benchmark-") as name:
        folder = Path(name)
        if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
            yield folder, "the disk of the temporary folder"
            return
        image, mount = folder / "image", folder / "disk"
        mount.mkdir()
        with image.open("wb") as file:
            file.truncate(IMAGE)
        subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
        subprocess.run(["mount", "-o", "loop", image, mount], check=True)
        try:
            yield mount, "a fresh ext4"
        finally:
            # The supervisors of local runs leave by themselves; the mount need not wait for them.
            subprocess.run(["umount", "--lazy", mount], check=True)


def end_to_end(home: Home, jobs: int) -> float:
    """Return jobs a second, from the first accepted to the last published."""
    for number in range(jobs):
        drop_file(home, limits.SPEC, f"job-{number}", ".toml")
    call(home, "serve", "--until-idle")
    with sqlite3.connect(f"file:{home.database}?mode=ro", uri=True) as conn:
        ended, first, last = conn.execute(
            "SELECT count(*) FILTER (WHERE target = 'SUCCEEDED'), min(at), max(at) FROM history"
        ).fetchone()
    if ended != jobs:
        raise SystemExit(f"{ended} of {jobs} jobs succeeded: see {home.log}")
    return float(jobs / (last - first))


def latencies(home: Home, drops: int) -> list[float]:
    """Return for each of some drops, one after another, the seconds until its program ran."""
    spec = b'name = "when"\n[run]\ncommand = ["date", "+%s.%N"]\n'
    found = []
    with serving(home):
        for _ in range(drops):
            dropped = time.time()
            ident = drop_file(home, spec, "when", ".toml")
            result = home.results / f"when-{ident}" / "latest"
            wait_until(result.exists, every=0.02)
            found.append(float((result / "stdout").read_text()) - dropped)
    return found


def fill(home: Home, jobs: int) -> Path:
    """Put jobs into the queue by its own entrance; return where the first says its process id."""
    pid_file = home.root / "pid"
    script = f"echo $$ > {pid_file}; exec sleep 3600"
    specs = {
        "first": JobSpec.model_validate({"name": "long", "run": {"command": ["sh", "-c", script]}}),
        "others": JobSpec.model_validate({"name": "waits", "run": {"command": ["true"]}}),
    }
    conn = connect_writer(home.database, migrate.version)
    try:
        migrate.migrate(conn, home.backups)
        conn.execute("BEGIN")
        for number in range(jobs + 1):
            spec = specs["others" if number else "first"]
            job = NewJob(id_from_bits(number), spec, limits.SPEC, "job.toml", "job.toml", 0, ())
            entrance.accept(conn, job, Now(float(number), time.time()))
        conn.execute("COMMIT")
    finally:
        conn.close()
    return pid_file


def at_rest(home: Home, queued: int, seconds: float) -> tuple[float, float, float, float]:
    """Return seconds until ready, memory now and at its highest in MiB, and idle CPU as a share."""
    pid_file = fill(home, queued)
    began = time.monotonic()
    with serving(home) as pid:
        ready = time.monotonic() - began
        wait_until(lambda: pid_file.exists() and pid_file.read_text().strip() != "", every=0.1)
        before = cpu_seconds(pid)
        time.sleep(seconds)
        idle = (cpu_seconds(pid) - before) / seconds
        now, highest = memory(pid)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    return ready, now, highest, idle


if __name__ == "__main__":
    main()
