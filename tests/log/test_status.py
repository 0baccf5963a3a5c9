"""status.log: one line a transition, none lost, none doubled, under a plain `tail -f`."""

import os
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest

from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import Shown
from orchestrator.log import StatusLog, render
from orchestrator.log.status import last_number
from tests.smalldisk import run_on_small_disk

ROOT = Path(__file__).parents[2]
Make = Callable[..., Entry]
NASTY = "a\nb\r\x1b[2J\u202e\u2028\x85\udce9 c"


def test_what_a_person_reads(entry: Make) -> None:
    """The line would lack something, or its columns would change their order."""
    assert render(entry(7)) == (
        "2027-01-15T08:00:07Z  beam                  01234567/1   local     4711"
        "                           RUNNING → HARVESTING   12.3s  exit status 0  #7"
    )


def test_the_first_line_of_a_job(entry: Make) -> None:
    """A job that was just accepted has no run, no remote id and no past: it would not print."""
    first = entry(1, run=None, remote_id=None, source=None, target=Shown.QUEUED, lasted=None)
    assert render(first).split()[2:9] == ["01234567/-", "local", "-", "new", "→", "QUEUED", "-"]


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0s"),
        (59.4, "59.4s"),
        (59.96, "1m00s"),
        (3599.4, "59m59s"),
        (3600, "1h00m"),
        (86399, "23h59m"),
        (86400 * 12 + 3600 * 3, "12d03h"),
    ],
)
def test_how_long(entry: Make, seconds: float, shown: str) -> None:
    """A person would have to count seconds."""
    assert f"  {shown}  " in render(entry(1, lasted=seconds))


@pytest.mark.parametrize("field", ["name", "backend", "remote_id", "reason", "job"])
def test_foreign_text_stays_in_its_column(entry: Make, tmp_path: Path, field: str) -> None:
    """A job's name would clear the terminal, or its reason forge a line of another job."""
    log = StatusLog.open(tmp_path / "status.log", [entry(1, **{field: NASTY})])
    log.close()
    (line, rest) = (tmp_path / "status.log").read_text().split("\n")
    assert rest == ""
    assert line.isprintable()
    assert "a\\x0ab\\x0d" in line
    if field != "reason":
        assert len(line.split()) == len(render(entry(1)).split()), "a column too many"


def test_an_endless_reason_is_cut(entry: Make) -> None:
    """One line would fill the screen."""
    assert len(render(entry(1, reason="\x1b" * 10_000))) < 550


def lines_of(path: Path) -> list[int]:
    """Return the numbers of the entries in one file."""
    return [int(line.rpartition("#")[2]) for line in path.read_text().splitlines()]


def test_entries_that_stand_are_not_written_twice(entry: Make, tmp_path: Path) -> None:
    """After a restart the last lines would appear again, or the next ones never."""
    path, history = tmp_path / "status.log", [entry(n) for n in range(1, 8)]
    StatusLog.open(path, history[:3]).close()
    StatusLog.open(path, history[1:3]).close()
    assert lines_of(path) == [1, 2, 3]
    StatusLog.open(path, history[1:5]).close()
    assert lines_of(path) == [1, 2, 3, 4, 5]
    StatusLog.open(path, []).close()
    StatusLog.open(path, history[5:]).close()
    assert lines_of(path) == [1, 2, 3, 4, 5, 6, 7]


def test_a_restored_queue_may_count_again(entry: Make, tmp_path: Path) -> None:
    """After a restore from a backup, new entries with old numbers would be taken for written."""
    path = tmp_path / "status.log"
    StatusLog.open(path, [entry(n) for n in (1, 2, 3)]).close()
    StatusLog.open(path, [entry(n, reason="after the restore") for n in (2, 3)]).close()
    assert lines_of(path) == [1, 2, 3, 2, 3]


@pytest.mark.parametrize("length", [1, 50, 70_000, 140_000])
def test_a_torn_line_is_repaired(entry: Make, tmp_path: Path, length: int) -> None:
    """A line cut off by a kill would run into the next one."""
    path = tmp_path / "status.log"
    StatusLog.open(path, [entry(1)]).close()
    with path.open("ab") as file:
        file.write(b"x" * length)
    StatusLog.open(path, [entry(1), entry(2)]).close()
    assert lines_of(path) == [1, 2]


def test_a_file_that_is_one_torn_line(entry: Make, tmp_path: Path) -> None:
    """The very first line could never be repaired."""
    path = tmp_path / "status.log"
    path.write_text(render(entry(1))[:40])
    StatusLog.open(path, [entry(1)]).close()
    assert lines_of(path) == [1]


@pytest.mark.parametrize("cut", [4096, 5000, 3 << 20])
def test_lines_that_a_power_cut_took_are_written_again(
    entry: Make, tmp_path: Path, cut: int
) -> None:
    """After a power cut a part of the log would be zeros for ever, or lines would be missing."""
    path = tmp_path / "status.log"
    history = [entry(n, reason="x" * 300) for n in range(1, cut // 400 + 40)]
    StatusLog.open(path, history, size=1 << 30).close()
    whole = path.read_bytes()
    with path.open("r+b") as file:  # a block that was not written, with later ones that were
        file.seek(cut)
        file.write(bytes(4096))
    kept = 9
    StatusLog.open(path, history[kept:], size=1 << 30).close()
    assert path.read_bytes() == whole


def test_a_removed_file_begins_anew(entry: Make, tmp_path: Path) -> None:
    """After `rm status.log` nothing would be seen until the daemon restarts."""
    path = tmp_path / "status.log"
    log = StatusLog.open(path, [entry(1)])
    path.unlink()
    assert log.append([entry(2)])
    log.close()
    assert lines_of(path) == [2]


def test_the_file_rotates_in_a_quiet_moment(entry: Make, tmp_path: Path) -> None:
    """Lines of a burst would be taken away under a reader, or the file would grow for ever."""
    path, clock = tmp_path / "status.log", [0.0]
    line = len(render(entry(100)).encode()) + 1
    log = StatusLog.open(path, [], size=3 * line, keep=2, now=lambda: clock[0])
    for n in range(100, 106):
        log.append([entry(n)])
    assert lines_of(path) == list(range(100, 106)), "rotated in the middle of a burst"
    log.append([entry(106)])
    assert lines_of(path) == [106], "grew beyond twice the size"
    for n in range(107, 112):
        clock[0] += 1
        log.append([entry(n)])
    log.close()
    assert lines_of(path) == [109, 110, 111]
    assert lines_of(tmp_path / "status.log.1") == [106, 107, 108]
    assert lines_of(tmp_path / "status.log.2") == list(range(100, 106))
    assert len(list(tmp_path.iterdir())) == 3, "more is kept than asked for"


def read_until(pipe: IO[str], seq: int) -> list[int]:
    """Read what tail prints until the line of an entry comes."""
    found: list[int] = []
    while not found or found[-1] != seq:
        found.append(int(pipe.readline().rpartition("#")[2]))
    return found


def test_tail_f_sees_every_line_over_rotations(entry: Make, tmp_path: Path) -> None:
    """A person who watches with `tail -f` would miss what happens after the first rotation."""
    path, seconds = tmp_path / "status.log", count(0, 5)
    log = StatusLog.open(path, [entry(1)], size=2000, keep=3, now=lambda: next(seconds))
    seen: list[int] = []
    command = ["tail", "-n", "+1", "-f", str(path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as tail:
        assert tail.stdout
        assert tail.stderr
        for n in range(2, 200, 3):
            log.append([entry(n), entry(n + 1), entry(n + 2)])
            seen += read_until(tail.stdout, n + 2)
        tail.terminate()
        assert "file truncated" in tail.stderr.read()
    log.close()
    assert seen == list(range(1, 200))
    assert (tmp_path / "status.log.3").exists()


def test_the_last_number_of_a_log(tmp_path: Path) -> None:
    """A restored queue would give numbers again that stand in the log already."""
    path = tmp_path / "status.log"
    assert last_number(path) == 0
    path.write_text("a line  #7\nsaid  #99 of it  #8\na line that a kill cut off")
    assert last_number(path) == 8


def test_killed_at_every_system_call() -> None:
    """A kill between the line and the cursor would lose a line or show it twice."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with TemporaryDirectory(dir=memory) as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.log.kill_sweep", f"{folder}/log"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 60, "the sweep did not see the calls it is there for"


def test_a_full_disk_only_pauses_the_logs(tmp_path: Path) -> None:
    """A full disk would end the daemon by way of its log, or lose lines of status.log."""
    run_on_small_disk(tmp_path, "tests.log.full_disk", size="256k")
