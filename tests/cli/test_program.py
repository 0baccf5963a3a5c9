"""What holds for every command: help, faults without a traceback, quiet ends."""

import os
import re
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import click
import pytest

from orchestrator import __version__
from orchestrator.cli.app import COMMANDS
from orchestrator.cli.fault import Fault
from orchestrator.cli.homes import existing
from orchestrator.config.home import Home
from tests.cli.bench import Bench, Run, Start


def command(name: str) -> click.Command:
    """Return one command."""
    found: click.Command = getattr(import_module(f"orchestrator.cli.{COMMANDS[name].module}"), name)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    """People would have to guess; the list of commands would say something else than its help."""
    text = command(name).help or ""
    assert text.splitlines()[0] == COMMANDS[name].summary
    assert re.search(rf"^ *\S*orchestrator {name}|orchestrator {name}", text, re.MULTILINE)
    for parameter in command(name).params:
        if isinstance(parameter, click.Option) and parameter.name != "lines":
            assert parameter.help


def test_help_and_version(run: Run) -> None:
    """The first things a new user types."""
    answer = run("--help")
    assert answer.returncode == 0
    for name, entry in COMMANDS.items():
        assert re.search(
            rf"^  {name} +{re.escape(entry.summary[:40])}", answer.stdout, re.MULTILINE
        )
    assert run("--version").stdout == f"orchestrator {__version__}\n"
    assert "orchestrator submit beam.toml" in run("submit", "--help").stdout
    assert "Usage: orchestrator [OPTIONS]" in run().stderr


def test_help_and_status_import_no_models(home: Home, environment: dict[str, str]) -> None:
    """Every look at the queue would take a second longer."""
    for arguments in (["--help"], ["status"], ["tail"]):
        code = (
            "import sys; from orchestrator.cli import run\n"
            f"assert run(['--home', {str(home.root)!r}, *{arguments!r}]) == 0\n"
            "heavy = {'pydantic', 'asyncio', 'anyio', 'httpx', 'structlog', 'rich'}\n"
            "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        )
        subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=60)


def test_an_unknown_command_or_option_is_wrong_use(run: Run) -> None:
    """A typing error would pass for a command that was carried out."""
    for arguments in (("statsu",), ("status", "--jsno"), ("tail", "-n", "-1"), ("schema",)):
        answer = run(*arguments)
        assert answer.returncode == 2
        assert answer.stderr.startswith("Usage: orchestrator")
        assert answer.stdout == ""


@pytest.mark.parametrize("arguments", [("status",), ("submit", "x"), ("cancel", "x")])
def test_a_home_that_is_missing_is_said(
    run: Run, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Whoever forgot `init` would get a traceback, or an empty answer from an empty place."""
    answer = run(*arguments, "--home", tmp_path / "nowhere\x1b[1m")
    assert answer.returncode == 2
    assert answer.stdout == ""
    assert answer.stderr == (
        f"orchestrator: there is no home at {tmp_path}/nowhere\\x1b[1m; run `orchestrator init` to"
        " make it, or name another one with --home\n"
    )


@pytest.mark.parametrize("arguments", [("status",), ("verify", "--all"), ("fsck",)])
def test_a_corrupt_queue_is_said(run: Run, bench: Bench, arguments: tuple[str, ...]) -> None:
    """A bad disk would end in a traceback without a word of where the copies are."""
    bench.job(name="beam")
    bench.conn.close()
    data = bytearray(bench.home.database.read_bytes())
    data[100:] = os.urandom(len(data) - 100)
    bench.home.database.write_bytes(data)
    answer = run(*arguments)
    assert answer.returncode in {1, 2}
    assert "Traceback" not in answer.stderr
    assert str(bench.home.database) in answer.stderr
    assert str(bench.home.backups) in answer.stderr


def test_a_file_that_is_no_database_is_said(run: Run, home: Home) -> None:
    """As above, where the file was replaced as a whole."""
    home.database.write_text("this is not a database, it is a letter\n" * 100)
    answer = run("status")
    assert answer.returncode == 2
    assert "file is not a database" in answer.stderr


@pytest.mark.parametrize(("version", "word"), [(99, "newer version"), (0, "brings the queue")])
def test_a_queue_of_another_version_is_said(
    run: Run, bench: Bench, version: int, word: str
) -> None:
    """After an upgrade or downgrade a look would fail at a column that is not there."""
    bench.conn.execute(f"PRAGMA user_version = {version}")
    answer = run("status")
    assert answer.returncode == 2
    assert word in answer.stderr


def test_a_home_that_may_not_be_read_is_said(home: Home) -> None:
    """Another user's home would end in a traceback, or be called missing."""
    home.root.chmod(0)
    ourselves = os.geteuid()
    os.seteuid(ourselves or 65534)  # root may read everything
    try:
        with pytest.raises(Fault, match="cannot be read: Permission denied"):
            existing(home)
    finally:
        os.seteuid(ourselves)
        home.root.chmod(0o700)


def test_a_home_that_is_a_file_or_a_loop_is_said(run: Run, tmp_path: Path) -> None:
    """An odd place for a home would end in a traceback."""
    file, loop = tmp_path / "file", tmp_path / "loop"
    file.write_text("")
    loop.symlink_to(loop)
    for place in (file, loop, "x" * 300):
        answer = run("status", "--home", place)
        assert answer.returncode == 2
        assert answer.stderr.startswith("orchestrator: ")
        assert len(answer.stderr.splitlines()) == 1


def test_a_reader_that_stops_early_is_no_fault(run: Run, bench: Bench) -> None:
    """`orchestrator status | head -1` would end with a traceback on the screen."""
    for _ in range(3):
        bench.job(name="x" * 64, tags=["y" * 64])
    reader, writer = os.pipe()
    os.close(reader)
    answer = run("status", "--json", capture_output=False, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert answer.returncode == 141
    assert answer.stderr == ""


def test_a_closed_stdout_is_no_fault(bench: Bench, environment: dict[str, str]) -> None:
    """Started from cron with closed descriptors, output would land in the first file it opens."""
    bench.job(name="beam")
    before = bench.home.database.read_bytes()
    script = f"exec {sys.executable} -m orchestrator status >&- 2>&-"
    done = subprocess.run(["sh", "-c", script], env=environment, check=False, timeout=60)
    assert done.returncode == 0
    assert bench.home.database.read_bytes() == before


def test_a_full_output_disk_is_said(run: Run, bench: Bench) -> None:
    """A script would go on with half an answer."""
    bench.job(name="beam")
    with Path("/dev/full").open("w") as full:
        answer = run("status", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert answer.returncode == 2
    assert "No space left on device" in answer.stderr


def test_output_in_any_encoding(run: Run, bench: Bench) -> None:
    """A name in the text would stop the command where the terminal lacks its letters."""
    bench.running(bench.job(name="beam"))
    bench.conn.execute("UPDATE run SET last_error = 'Träger ∅'")
    latin = {"environment": {"PYTHONIOENCODING": "latin-1"}, "encoding": "latin-1"}
    answer = run("status", **latin)
    assert answer.returncode == 0
    assert "Träger \\u2205" in answer.stdout
    assert "Träger ∅" in run("status", environment={"PYTHONIOENCODING": "utf-8"}).stdout


def test_ctrl_c_ends_quietly(start: Start, tmp_path: Path) -> None:
    """Interrupting a wait would print a traceback."""
    spec = tmp_path / "beam.toml"
    spec.write_text("[run]\ncommand = ['true']\n")
    waiting = start("submit", "--wait", spec)
    assert waiting.stderr is not None
    said = waiting.stderr.readline()  # it waits from here on
    waiting.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, rest = waiting.communicate(timeout=30)
    assert time.monotonic() - began < 10
    assert waiting.returncode == 130
    assert said.startswith("no daemon runs")
    assert "Traceback" not in rest
