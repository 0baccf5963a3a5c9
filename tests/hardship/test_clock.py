"""The wall clock is set while jobs run: nothing that lasts some time may last longer or shorter."""

import os
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from orchestrator.backends.local.link import supervisor_command
from tests.hardship.clock import DAY, Clocks, WallClock
from tests.hardship.conftest import MakeService
from tests.hardship.service import Service

pytestmark = pytest.mark.needs("faketime")

STEPS = ["+1h", "-1h", "+1d", "-1d", "+400d"]
LIMIT = 3.0  # seconds; of a run, before whose own beginning it counts, and of a pause
LATE = 60.0  # seconds by which that may end late on a busy machine, and far from any step
BUSY = 0.2  # seconds of processor time a second; with its clock set, the daemon needs none
NOTE = "cut -d' ' -f1 /proc/uptime >> {file}"


class Ear:
    """Counts the daemon's signs of life; it gives one a second."""

    def __init__(self, path: Path) -> None:
        self.beats = 0
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "4000000"}
        threading.Thread(target=self._listen, daemon=True).start()

    def more(self, beats: int) -> Callable[[], bool]:
        """Return what tells whether so many more have been heard."""
        end = self.beats + beats
        return lambda: self.beats >= end

    def _listen(self) -> None:
        with self._sock:
            while (heard := self._sock.recv(1000)) != b"STOPPING=1":
                self.beats += heard == b"WATCHDOG=1"


@pytest.fixture
def clock(tmp_path: Path) -> WallClock:
    """Return a clock that tells the true time until it is set."""
    return WallClock(tmp_path / "ahead")


@pytest.fixture
def service(tmp_path: Path, service_at: MakeService, clock: WallClock) -> Service:
    """Return a service under the clock, its supervisor too: that would not inherit it."""
    service = service_at(tmp_path / "home")
    service.environment = clock.environment(service.environment)
    service.init()
    folder = service.home / "state/backends/local"
    folder.mkdir()
    command = supervisor_command(str(folder))
    subprocess.run([*command, "600"], env=service.environment, cwd="/", check=True)
    return service


def _noted(service: Service, name: str) -> list[float]:
    """Return what the runs of a job have noted, in seconds since the boot."""
    return [float(line) for line in (service.beside / name).read_text().split()]


def _drop_timed(service: Service, limited: str, again: str) -> None:
    """Drop a job with a limit, and one with a pause; they note when each begins and ends."""
    note = NOTE.format(file=service.beside / limited)
    script = f'{note}\ntrap "{note}; exit 1" TERM\nwhile :; do sleep 0.05; done'
    service.drop(limited, script, f"limits.time = {LIMIT}")
    script = f"{NOTE.format(file=service.beside / again)}\nexit 1"
    service.drop(again, script, f"retry = {{ attempts = 2, delay = {LIMIT} }}")
    service.until_shown(again, "WAITING")
    service.until((service.beside / limited).exists, "a run with a limit")


@pytest.mark.parametrize(
    "steps", [["-1h"], pytest.param([*STEPS, *STEPS[::-1]], marks=pytest.mark.long)]
)
@pytest.mark.timeout(600)
def test_set_while_jobs_run(
    service: Service, clock: WallClock, tmp_path: Path, steps: list[str]
) -> None:
    """A clock that is corrected would end somebody's run, or stop everything for an hour."""
    ear = Ear(tmp_path / "notify")
    service.environment = {**service.environment, **ear.environment}
    service.serve()
    gate = service.beside / "gate"
    service.drop("long", f"while [ ! -e {gate} ]; do sleep 0.02; done", "limits.time = '50 min'")
    service.until_shown("long", "RUNNING")
    names = ["long"]
    for number, step in enumerate(steps):
        limited, again = f"limited-{number}", f"again-{number}"
        _drop_timed(service, limited, again)
        clock.set(step)
        service.until(ear.more(2), "signs of life")
        for name in (limited, again):
            service.until_shown(name, "FAILED")
            began, ended = _noted(service, name)
            assert LIMIT / 2 < ended - began < LIMIT + LATE, (step, name)
        assert service.shown("long") == "RUNNING"
        names += [limited, again, again]
    gate.touch()
    service.until_shown("long", "SUCCEEDED")
    assert _copies(service) <= 1
    assert service.stop() == 0
    service.assert_sound(*names)


@pytest.mark.long
def test_it_does_not_turn_and_turn(tmp_path: Path, service_at: MakeService) -> None:
    """After a step of the clock the daemon would take a processor for itself until a restart."""
    clocks = Clocks(tmp_path / "clocks")  # libfaketime itself costs more than is measured here
    ear = Ear(tmp_path / "notify")
    service = service_at(tmp_path / "home")
    service.program = clocks.program
    service.environment = {**service.environment, **ear.environment}
    service.init()
    service.serve()
    assert service.daemon is not None
    service.drop("long", "sleep 1000", "limits.time = '50 min'")
    service.until_shown("long", "RUNNING")
    service.drop("again", "exit 1", "retry = { attempts = 2, delay = '50 min' }")
    service.until_shown("again", "WAITING")
    for step in (-DAY, 400 * DAY):
        clocks.set(wall=step)
        before, began = _cpu_seconds(service.daemon.pid), time.monotonic()
        service.until(ear.more(3), "signs of life")
        used = _cpu_seconds(service.daemon.pid) - before
        assert used / (time.monotonic() - began) < BUSY, step
    assert service.ask("cancel", "long", "again").returncode == 0
    for name in ("long", "again"):
        service.until_shown(name, "CANCELLED")
    assert service.stop() == 0
    service.assert_sound("long", "again")


def _cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.long
@pytest.mark.parametrize("step", ["-1h", "+400d"])
def test_set_while_the_daemon_is_down(service: Service, clock: WallClock, step: str) -> None:
    """A restart under a corrected clock would run everything at once, or nothing for an hour."""
    service.serve()
    _drop_timed(service, "limited", "again")
    assert service.stop() == 0
    clock.set(step)
    service.serve()
    for name in ("limited", "again"):
        service.until_shown(name, "FAILED")
        began, ended = _noted(service, name)
        assert LIMIT / 2 < ended - began < LIMIT + LATE
    assert service.stop() == 0
    service.assert_sound("limited", "again", "again")


@pytest.mark.long
def test_a_deadline_is_by_the_wall_clock(service: Service, clock: WallClock) -> None:
    """A deadline is a date: when the clock says that it has passed, it has."""
    service.serve()
    gate = service.beside / "gate"
    wait = f"while [ ! -e {gate} ]; do sleep 0.02; done"
    (today,) = service.rows("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+50 minutes')")[0]
    service.drop("runs", wait, f"limits.deadline = {today}")
    service.drop("goes-on", wait, "limits.deadline = 9990-01-01T00:00:00Z")
    for name in ("runs", "goes-on"):
        service.until_shown(name, "RUNNING")
    clock.set("+1h")
    service.until_shown("runs", "FAILED")
    assert "stopped at its deadline" in service.explained("runs")
    assert service.shown("goes-on") == "RUNNING"
    gate.touch()
    service.until_shown("goes-on", "SUCCEEDED")
    assert service.stop() == 0
    service.assert_sound("runs", "goes-on")


def _copies(service: Service) -> int:
    return service.said.count("the queue is copied")


def _has_copies(service: Service, count: int) -> bool:
    return _copies(service) >= count


@pytest.mark.long
@pytest.mark.timeout(600)
def test_upkeep_finds_its_way_back(service: Service, clock: WallClock) -> None:
    """After a step back there would be no copies of the queue for a day; after one forward, 400."""
    with (service.home / "orchestrator.toml").open("a") as config:
        config.write("[upkeep]\nbackup = '* * * * *'\nkeep_backups = 1000\n")
    service.serve()
    service.drop("beam", "true")
    service.heard("the queue is copied")
    for step in ("-1d", "+400d"):
        before = _copies(service)
        clock.set(step)
        service.until(partial(_has_copies, service, before + 2), "two copies", patience=200.0)
        assert _copies(service) <= before + 4
    assert service.stop() == 0
    service.assert_sound("beam")
