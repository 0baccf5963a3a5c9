"""`orchestrator tail`: the status log, followed through both ways of rotation."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from orchestrator.config.home import Home
from orchestrator.log import render
from orchestrator.store import look
from tests.cli.bench import Bench, Run, Start


def test_the_last_lines_are_shown(run: Run, home: Home) -> None:
    """People would see the whole log, or none of it."""
    log = home.log / "status.log"
    log.write_text("".join(f"line {number}\n" for number in range(100)) + "half a li")
    assert run("tail").stdout.splitlines() == [f"line {number}" for number in range(90, 100)]
    assert run("tail", "-n", "2").stdout.splitlines() == ["line 98", "line 99"]
    assert run("tail", "-n", "0").stdout == ""


def test_a_log_that_is_not_there_yet_is_empty(run: Run) -> None:
    """The first look at a new home would end in an error."""
    answer = run("tail")
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


def test_only_the_lines_of_one_job(run: Run, bench: Bench, home: Home) -> None:
    """Lines of other jobs, also of those with the same name, would be mixed in."""
    wanted, other = bench.job(name="beam"), bench.job(name="beam")
    bench.running(wanted)
    bench.running(other)
    entries = look.history_after(bench.conn, 0, 100)
    lines = [render(entry) for entry in entries]
    (home.log / "status.log").write_text("".join(line + "\n" for line in lines))
    answer = run("tail", "--job", wanted)
    mine = [line for line, entry in zip(lines, entries, strict=True) if entry.job == wanted]
    assert len(mine) == 4
    assert answer.stdout.splitlines() == mine
    assert run("tail", "--job", "nobody").returncode == 2


@contextmanager
def following(start: Start) -> Iterator[IO[str]]:
    """Run `tail -f -n 1` and yield what it prints; interrupt it at the end."""
    process = start("tail", "-f", "-n", "1")
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.send_signal(signal.SIGINT)
        _, error = process.communicate(timeout=60)
    assert error == ""
    assert process.returncode == 130


def append(path: Path, line: str) -> None:
    """Add a line as the daemon does."""
    with path.open("a") as log:
        log.write(line + "\n")


def test_it_follows_a_log_that_grows_and_is_copied_and_emptied(start: Start, home: Home) -> None:
    """After our own rotation, `tail -f` would stand still or repeat old lines."""
    log = home.log / "status.log"
    append(log, "a rather long first line")
    with following(start) as lines:
        assert lines.readline() == "a rather long first line\n"
        append(log, "second line, before the rotation")
        assert lines.readline() == "second line, before the rotation\n"
        os.truncate(log, 0)
        append(log, "third")
        assert lines.readline() == "third\n"


def test_it_follows_a_log_that_is_renamed_and_made_anew(start: Start, home: Home) -> None:
    """After logrotate, lines written before and after the rename would be lost."""
    log = home.log / "status.log"
    append(log, "first")
    with following(start) as lines:
        assert lines.readline() == "first\n"
        moved = log.rename(log.with_name("status.log.1"))
        append(moved, "written to the old file")
        assert lines.readline() == "written to the old file\n"
        append(log, "written to the new file")
        assert lines.readline() == "written to the new file\n"


def test_it_waits_for_a_log_that_is_not_there_yet(start: Start, home: Home) -> None:
    """`tail -f` started before the daemon's first start would end, or never show anything."""
    with following(start) as lines:
        append(home.log / "status.log", "the very first line")
        assert lines.readline() == "the very first line\n"
