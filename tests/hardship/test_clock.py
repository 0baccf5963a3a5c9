"""The wall clock is set while jobs run: nothing that lasts some time may last longer or shorter."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from orchestrator.backends.local.link import supervisor_command
from tests.hardship.clock import WallClock
from tests.hardship.conftest import MakeService
from tests.hardship.service import Service

pytestmark = pytest.mark.needs("faketime")

STEPS = ["+1h", "-1h", "+1d", "-1d", "+400d"]
LIMIT = 4.0  # seconds; of a run and of a pause
LATE = 10.0  # seconds by which that may end late on a busy machine, and far from any step
TURNS = 1500  # waits in three seconds, where about 200 are needed, and thousands are a busy loop
NOTE = "cut -d' ' -f1 /proc/uptime >> {file}"


class Ear:
    """Counts the daemon's signs of life; it gives one every quarter of a second."""

    def __init__(self, path: Path) -> None:
        self.beats = 0
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(str(path))
        self.environment = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": "1000000"}
        threading.Thread(target=self._listen, daemon=True).start()

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


def _waits(pid: int) -> int:
    """Return how often the daemon has waited: for the disk, for an answer, for what is due."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("\nvoluntary_ctxt_switches:")[2].split()[0])


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
    service.until(lambda: service.shown(again) == "WAITING", "a pause")
    service.until((service.beside / limited).exists, "a run with a limit")


@pytest.mark.parametrize(
    "steps", [["-1d", "+400d"], pytest.param([*STEPS, *STEPS[::-1]], marks=pytest.mark.long)]
)
@pytest.mark.timeout(600)
def test_set_while_jobs_run(
    service: Service, clock: WallClock, tmp_path: Path, steps: list[str]
) -> None:
    """A clock that is corrected would end somebody's run, or stop everything for an hour."""
    ear = Ear(tmp_path / "notify")
    service.environment = {**service.environment, **ear.environment}
    service.serve()
    assert service.daemon is not None
    gate = service.beside / "gate"
    service.drop("long", f"while [ ! -e {gate} ]; do sleep 0.02; done", "limits.time = '50 min'")
    service.until(lambda: service.shown("long") == "RUNNING", "a run")
    names = ["long"]
    for number, step in enumerate(steps):
        limited, again = f"limited-{number}", f"again-{number}"
        _drop_timed(service, limited, again)
        before, soon = _waits(service.daemon.pid), ear.beats + 12
        clock.set(step)
        service.until(lambda soon=soon: ear.beats >= soon, "signs of life")
        print(step, _waits(service.daemon.pid) - before)  # noqa: T201
        assert _waits(service.daemon.pid) - before < TURNS, "it turns and turns"
        for name in (limited, again):
            service.until(lambda name=name: service.shown(name) == "FAILED", f"{name} to end")
            began, ended = _noted(service, name)
            assert LIMIT - 0.5 < ended - began < LIMIT + LATE, (step, name)
        assert service.shown("long") == "RUNNING"
        names += [limited, again, again]
    gate.touch()
    service.until(lambda: service.shown("long") == "SUCCEEDED", "the long run to end")
    assert service.said.count("the queue is copied") <= 1
    assert service.stop() == 0
    service.assert_sound(*names)


@pytest.mark.parametrize("step", ["-1h", pytest.param("+400d", marks=pytest.mark.long)])
def test_set_while_the_daemon_is_down(service: Service, clock: WallClock, step: str) -> None:
    """A restart under a corrected clock would run everything at once, or nothing for an hour."""
    service.serve()
    _drop_timed(service, "limited", "again")
    assert service.stop() == 0
    clock.set(step)
    service.serve()
    for name in ("limited", "again"):
        service.until(lambda name=name: service.shown(name) == "FAILED", f"{name} to end")
        began, ended = _noted(service, name)
        assert LIMIT - 0.5 < ended - began < LIMIT + LATE
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
    service.drop("goes-on", wait, "limits.deadline = 9999-01-01T00:00:00Z")
    for name in ("runs", "goes-on"):
        service.until(lambda name=name: service.shown(name) == "RUNNING", f"{name} to run")
    clock.set("+1h")
    service.until(lambda: service.shown("runs") == "FAILED", "the deadline")
    assert "stopped at its deadline" in service.explained("runs")
    assert service.shown("goes-on") == "RUNNING"
    gate.touch()
    service.until(lambda: service.shown("goes-on") == "SUCCEEDED", "the other to end")
    assert service.stop() == 0
    service.assert_sound("runs", "goes-on")


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
        before = service.said.count("the queue is copied")
        clock.set(step)
        service.until(
            lambda before=before: service.said.count("the queue is copied") > before + 1,
            "two copies",
            patience=200.0,
        )
        assert service.said.count("the queue is copied") <= before + 4
    assert service.stop() == 0
    service.assert_sound("beam")
