"""The real units under a real systemd: killed, hung, out of memory, stopped, reloaded."""

import os
from pathlib import Path

import pytest

from tests.system.conftest import Service
from tests.system.machine import USER, boot

pytestmark = [pytest.mark.needs("root", "systemd-nspawn")]

MEMORY = 512 << 20  # bytes: enough for systemd and the daemon many times over


@pytest.fixture
def gate(service: Service) -> Path:
    """A named pipe: a run that reads from it lives until the test writes to it."""
    path = service.machine.root / "home/alice/gate"
    os.mkfifo(path)
    os.chown(path, USER, USER)
    return path


WAITS = "script = 'read line < /home/alice/gate; echo $line; exit 3'"


def test_a_killed_daemon_is_back_and_a_stopped_one_is_not(service: Service, gate: Path) -> None:
    """A crash would end the service for good, a restart somebody's computation."""
    service.systemctl("start")
    service.drop("long", WAITS)
    service.told("long", "→ RUNNING")
    first = service.shown("MainPID")
    service.systemctl("kill", "--signal=KILL", "--kill-who=main")
    service.machine.until(
        lambda: service.shown("MainPID") not in {first, "0"}
        and service.shown("ActiveState") == "active"
    )
    assert service.shown("NRestarts") == "1"
    service.systemctl("stop")
    assert (service.shown("ActiveState"), service.shown("Result")) == ("inactive", "success")
    gate.write_text("lived\n")  # waits until the run reads it; it ends with nobody to see it
    service.systemctl("start")
    assert service.manifest("long") == ("failed", 3)
    assert (service.result("long") / "stdout").read_text() == "lived\n"


def test_a_run_is_taken_up_by_the_restarted_daemon(service: Service, gate: Path) -> None:
    """A restart would lose how the runs ended that were under way."""
    service.systemctl("start")
    service.drop("long", WAITS)
    service.told("long", "→ RUNNING")
    service.systemctl("restart")
    gate.write_text("lived\n")
    assert service.manifest("long") == ("failed", 3)
    assert (service.result("long") / "stdout").read_text() == "lived\n"


def test_a_daemon_that_hangs_is_restarted(service: Service) -> None:
    """A daemon that hangs would look alive, and nothing would move until somebody notices."""
    service.extend("quick", "[Service]\nWatchdogSec=3\n")
    service.systemctl("start")
    service.systemctl("kill", "--signal=STOP", "--kill-who=main")
    service.machine.until(lambda: service.shown("NRestarts") == "1")
    service.machine.until(lambda: service.shown("ActiveState") == "active")
    said = service.machine.journal()
    assert "Watchdog timeout (limit 3s)!" in said
    assert "Fatal Python error: Aborted" in said, "it must say where it hung"
    service.drop("next", 'command = ["true"]')
    assert service.manifest("next") == ("succeeded", 0)


def test_a_run_that_takes_all_the_memory_fails_alone(machine_root: Path) -> None:
    """One greedy run would take the daemon, and every other run, with it."""
    with boot(machine_root, memory=MEMORY) as machine:
        service = Service(machine)
        service.systemctl("start")
        daemon = service.shown("MainPID")
        service.drop("patient", 'command = ["sleep", "1000"]')
        service.told("patient", "→ RUNNING")
        service.drop("greedy", 'command = ["tail", "/dev/zero"]')
        assert service.manifest("greedy") == ("failed", None)
        said = service.told("greedy", "→ FAILED")
        assert "killed by SIGKILL" in said
        assert "the kernel killed for want of memory meanwhile" in said
        service.drop("next", 'command = ["true"]')
        assert service.manifest("next") == ("succeeded", 0)
        assert (service.shown("MainPID"), service.shown("NRestarts")) == (daemon, "0")


def test_a_reload_starts_again_only_with_a_sound_configuration(service: Service) -> None:
    """A typo in the configuration would take down a service that runs well."""
    service.systemctl("start")
    first = service.shown("MainPID")
    config = service.home / "orchestrator.toml"
    sound = config.read_text()
    config.write_text(sound + "[spol]\n")
    service.systemctl("reload", code=1)
    assert "spol" in service.machine.journal()
    assert (service.shown("MainPID"), service.shown("ActiveState")) == (first, "active")
    config.write_text(sound)
    service.systemctl("reload")
    service.machine.until(lambda: service.shown("MainPID") not in {first, "0"})
    service.machine.until(lambda: service.shown("ActiveState") == "active")
