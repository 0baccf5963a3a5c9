"""The real daemon as a child process: how it starts, how it ends, and with which exit code."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrator.store.lock import hold
from tests.warm import Warm

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def home(tmp_path: Path, warm: Warm, environment: dict[str, str]) -> Path:
    """A home as `init` makes it, for a spool that is quick to trust what was copied."""
    root = tmp_path / "home"
    assert warm.run(["--home", str(root), "init"], environment).returncode == 0
    config = root / "orchestrator.toml"
    config.write_text(config.read_text().replace('settle = "2s"', 'settle = "50ms"'))
    return root


@pytest.fixture
def serve(program: list[str], environment: dict[str, str], home: Path) -> Iterator[Start]:
    """Start the daemon; it is killed at the end of the test if it still lives."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [*program, "--home", str(home), "serve", *arguments],
            env=environment | more,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(child)
        return child

    yield start
    for child in started:
        child.kill()
        child.communicate()


def _until(child: subprocess.Popen[str], word: str) -> str:
    """Read the daemon's own words until one line holds the given one."""
    assert child.stderr is not None
    heard = ""
    for line in child.stderr:
        heard += line
        if word in line:
            return heard
    raise AssertionError(f"the daemon ended without {word!r}:\n{heard}")


def _drop(home: Path, name: str, text: str) -> None:
    (home / "spool" / f".{name}").write_text(text)
    (home / "spool" / f".{name}").rename(home / "spool" / name)


def _entries(home: Path) -> list[tuple[str, str, str]]:
    with sqlite3.connect(f"file:{home}/state/queue.db?mode=ro", uri=True) as conn:
        return conn.execute("SELECT name, target, reason FROM history ORDER BY seq").fetchall()


def test_ends_when_idle_with_0_only_if_all_succeeded(home: Path, serve: Start) -> None:
    """A script that runs a batch through the daemon could not tell whether it went well."""
    _drop(home, "good.toml", '[run]\ncommand = ["true"]\n')
    _drop(home, "SHOUTED.TOML", '[run]\ncommand = ["true"]\n')
    child = serve("--until-idle")
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 0, heard
    _drop(home, "bad.toml", '[run]\ncommand = ["false"]\n')
    child = serve("--until-idle")
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 1, heard
    child = serve("--until-idle")  # yesterday's failure is not today's
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 0, heard
    assert [target for name, target, _ in _entries(home) if name == "bad"][-1] == "FAILED"


def test_a_rejected_or_held_drop_is_not_a_success(home: Path, serve: Start) -> None:
    """`--until-idle` would say 0 though a job waits for a person."""
    _drop(home, "typo.toml", '[run]\ncomand = ["true"]\n')
    child = serve("--until-idle")
    child.communicate(timeout=60)
    assert child.returncode == 1
    assert [entry[1] for entry in _entries(home)] == ["REJECTED"]


def test_the_second_daemon_of_a_home_is_refused(serve: Start) -> None:
    """Two daemons on one queue would run jobs twice."""
    first = serve()
    _until(first, "ready")
    second = serve()
    _, heard = second.communicate(timeout=60)
    assert second.returncode == 75
    assert f"another daemon (process {first.pid}) already serves this home" in heard
    assert first.poll() is None


def test_a_daemon_waits_for_a_command_that_has_the_home(home: Path, serve: Start) -> None:
    """A question to a service at the wrong moment would keep the unit down until a person looks."""
    with hold(home / "state/lock", command=True):
        child = serve("--until-idle")
        _until(child, f"a command (process {os.getpid()}) uses this home; the daemon starts when")
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 0, heard


def test_a_signal_ends_it_in_order_and_runs_live_on(home: Path, serve: Start) -> None:
    """Stopping the service would kill somebody's computation, or forget how it ended."""
    fifo = home.parent / "go"
    os.mkfifo(fifo)
    text = f'[run]\nscript = "echo begun; read line < {fifo}; echo $line > heard.txt; exit 3"\n'
    _drop(home, "long.toml", text)
    first = serve()
    status = home / "log" / "status.log"
    _until(first, "ready")
    while "→ RUNNING" not in (status.read_text() if status.exists() else ""):
        assert first.poll() is None
    first.send_signal(signal.SIGTERM)
    _, heard = first.communicate(timeout=60)
    assert first.returncode == 0, heard
    assert "SIGTERM" in heard
    assert not (home / "state" / "queue.db-wal").exists()  # written back: a clean end
    fifo.write_text("go on\n")  # blocks until the run, which lives, reads it
    child = serve("--until-idle")
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 1, heard
    (run,) = home.glob("results/long-*/1")
    assert (run / "outputs/heard.txt").read_text() == "go on\n"
    manifest = json.loads((run / "MANIFEST.json").read_text())
    assert (manifest["outcome"], manifest["exit_code"]) == ("failed", 3)


def test_every_error_of_the_configuration_is_told_at_once(home: Path, serve: Start) -> None:
    """A typo in the configuration would be found one restart at a time, or by a traceback."""
    (home / "orchestrator.toml").write_text('[spool]\nsetle = "1s"\n[backends.x]\nkind = "moon"\n')
    child = serve()
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 78
    assert "orchestrator.toml:2:1: spool.setle: " in heard
    assert "orchestrator.toml:4:1: backends.x.kind: " in heard
    assert "Traceback" not in heard


def test_a_database_of_a_newer_version_is_left_alone(home: Path, serve: Start) -> None:
    """A downgrade would write into a queue that it does not understand."""
    with sqlite3.connect(home / "state" / "queue.db") as conn:
        conn.execute("CREATE TABLE future (x)")
        conn.execute("PRAGMA application_id = 1330791240")
        conn.execute("PRAGMA user_version = 999")
    child = serve()
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 78
    assert "newer version" in heard
    assert "Traceback" not in heard
    with sqlite3.connect(home / "state" / "queue.db") as conn:
        assert conn.execute("PRAGMA user_version").fetchone() == (999,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_each_of_these_signals_ends_it_in_order(serve: Start, number: signal.Signals) -> None:
    """A terminal that is closed, or a reload, would be a crash."""
    child = serve()
    _until(child, "ready")
    child.send_signal(number)
    _, heard = child.communicate(timeout=60)
    assert child.returncode == 0, heard
    assert number.name in heard


def test_a_signal_that_is_ignored_from_the_start_stays_so(
    home: Path, program: list[str], environment: dict[str, str]
) -> None:
    """Under nohup it would end all the same when the terminal is closed."""
    command = ["nohup", *program, "--home", str(home), "serve"]
    child = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    try:
        _until(child, "ready")
        child.send_signal(signal.SIGHUP)
        child.send_signal(signal.SIGTERM)
        _, heard = child.communicate(timeout=60)
    finally:
        child.kill()
    assert "SIGTERM" in heard
    assert "SIGHUP" not in heard


def test_a_daemon_that_is_aborted_says_where_it_was(serve: Start) -> None:
    """A daemon that hangs would be restarted, and nobody could ever find out why it did."""
    child = serve()
    _until(child, "ready")
    child.send_signal(signal.SIGABRT)
    _, heard = child.communicate(timeout=60)
    assert child.returncode == -signal.SIGABRT
    assert "Fatal Python error: Aborted" in heard
    assert "asyncio/base_events.py" in heard


def test_ready_comes_after_what_a_crash_left_is_taken_in(
    home: Path, serve: Start, tmp_path: Path
) -> None:
    """Units that wait for it would start too early; a long start would be killed half-way."""
    claim = home / "state/claimed" / ("c" * 12)
    claim.mkdir(parents=True)
    (claim / "left.toml").write_text('[run]\ncommand = ["true"]\n')
    many = 100  # so many that they are not taken in while we look
    for n in range(many):
        odd = home / "state/claimed" / f"{n:0>12}"
        odd.mkdir()
        (odd / "odd.toml").write_text("[run")
    with _listener(tmp_path) as listener:
        serve(NOTIFY_SOCKET=str(tmp_path / "notify"))
        assert listener.recv(1000) == b"EXTEND_TIMEOUT_USEC=300000000"
        assert listener.recv(1000).startswith(b"READY=1\n")
        assert Counter(name for name, *_ in _entries(home))["odd.toml"] == many
        assert "left" in [name for name, *_ in _entries(home)]


@pytest.mark.needs("strace")
def test_what_a_killed_daemon_committed_is_synced_before_it_is_built_on(
    home: Path, serve: Start, program: list[str], environment: dict[str, str]
) -> None:
    """A daemon killed before the sync of a commit, then a power cut: the job would be gone."""
    _drop(home, "good.toml", '[run]\ncommand = ["true"]\n')
    assert serve("--until-idle").wait(60) == 0
    (archived,) = (home / "state" / "archive").iterdir()
    archived.rename(home / "state" / "claimed" / archived.name)  # as if killed before it was moved
    log = home.parent / "trace"
    trace = ["strace", "-f", "-y", "-o", str(log), "-e", "trace=fsync,fdatasync,renameat2"]
    command = [*trace, *program, "--home", str(home), "serve", "--until-idle"]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=60)
    assert archived.exists()
    calls = log.read_text().splitlines()
    filed_away = next(n for n, call in enumerate(calls) if f'"{archived.name}"' in call)
    assert any("queue.db-wal>) = 0" in call for call in calls[:filed_away])


def test_systemd_hears_ready_then_the_watchdog_then_stopping(serve: Start, tmp_path: Path) -> None:
    """The unit would be killed at its start, or restarted though all is well."""
    with _listener(tmp_path) as listener:
        child = serve(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1000000")
        assert listener.recv(1000).startswith(b"READY=1\n")
        assert listener.recv(1000) == b"WATCHDOG=1"
        child.send_signal(signal.SIGTERM)
        heard = [listener.recv(1000)]
        while heard[-1] == b"WATCHDOG=1":
            heard.append(listener.recv(1000))
        assert heard[-1] == b"STOPPING=1"
        assert child.wait(60) == 0


@contextmanager
def _listener(folder: Path) -> Iterator[socket.socket]:
    """Hear what is said to systemd."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(folder / "notify"))
        listener.settimeout(30)
        yield listener
