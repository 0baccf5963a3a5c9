"""The real units under a real systemd: killed, hung, out of memory, stopped, reloaded."""

import shutil
from pathlib import Path

import pytest

from tests.system.conftest import Service, drop
from tests.system.machine import ROOT, boot, build

pytestmark = [pytest.mark.needs("root", "systemd-nspawn")]

MEMORY = 512 << 20  # bytes: enough for systemd and the daemon many times over


# What user@.service starts, without a login.
USER_MANAGER = """\
[Service]
Type=notify
User=alice
Environment=XDG_RUNTIME_DIR=/run/user/1000
ExecStart=/lib/systemd/systemd --user
Delegate=yes
"""
AS_ALICE = [
    *("setpriv", "--reuid=alice", "--regid=alice", "--clear-groups"),
    *("env", "HOME=/home/alice", "XDG_RUNTIME_DIR=/run/user/1000"),
]

QUICK = "[Service]\nRestartSec=100ms\n"


def test_runs_outlive_a_daemon_that_is_killed_or_stopped(service: Service) -> None:
    """A crash would end the service for good, and a restart somebody's computation."""
    service.extend("quick", QUICK)
    service.systemctl("start")
    assert service.shown("WatchdogUSec") == "1min"
    gates = {name: service.gate(name) for name in ("one", "two")}
    for name in gates:
        wait = f"script = 'read line < /home/alice/{name}; echo $line; exit 3'"
        service.drop(name, wait)
        service.told(name, "→ RUNNING")
    first = service.shown("MainPID")
    service.systemctl("kill", "--signal=KILL", "--kill-who=main")
    service.machine.until(lambda: service.is_up_again(first))
    assert service.shown("NRestarts") == "1"
    service.open_gate(gates["one"])
    assert service.manifest("one") == ("failed", 3)
    service.systemctl("stop")
    assert (service.shown("ActiveState"), service.shown("Result")) == ("inactive", "success")
    service.open_gate(gates["two"])  # it ends with nobody there to see it
    service.systemctl("start")
    assert service.manifest("two") == ("failed", 3)
    for name in gates:
        assert (service.result(name) / "stdout").read_text() == "lived\n"


def test_a_daemon_that_hangs_is_restarted(service: Service) -> None:
    """A daemon that hangs would look alive, and nothing would move until somebody notices."""
    service.extend("quick", QUICK + "WatchdogSec=4\n")
    service.systemctl("start")
    first = service.shown("MainPID")
    service.systemctl("kill", "--signal=STOP", "--kill-who=main")
    service.machine.until(lambda: service.is_up_again(first))
    said = service.machine.journal()
    assert "Watchdog timeout (limit 4s)!" in said
    assert "Fatal Python error: Aborted" in said, "it must say where it hung"
    service.drop("next", 'command = ["true"]')
    assert service.manifest("next") == ("succeeded", 0)


def test_the_user_unit_serves_its_user(tmp_path: Path) -> None:
    """The unit for a workstation would not start, or not under a user's own systemd."""
    root = build(tmp_path)
    (root / "etc/systemd/system/alice.service").write_text(USER_MANAGER)
    units, programs = root / "home/alice/.config/systemd/user", root / "home/alice/.local/bin"
    units.mkdir(parents=True)
    shutil.copy(ROOT / "systemd/orchestrator.service", units)
    (units / "orchestrator.service.d").mkdir()
    (units / "orchestrator.service.d/key.conf").write_text(
        "[Service]\nLoadCredential=licence:%h/licence\n"
    )
    (root / "home/alice/licence").write_text("a key\n")
    programs.mkdir(parents=True)
    (programs / "orchestrator").symlink_to("/usr/local/bin/orchestrator")
    with boot(root) as machine:
        machine.run("install", "--directory", "--owner=alice", "/run/user/1000")
        machine.run("chown", "--recursive", "alice:alice", "/home/alice")
        machine.run("systemctl", "start", "alice")

        def as_alice(*command: str) -> str:
            return machine.run(*AS_ALICE, *command)

        verdict = as_alice("systemd-analyze", "verify", "--user", "orchestrator.service")
        assert "orchestrator" not in verdict  # it has its say about other units too
        as_alice("/home/alice/.local/bin/orchestrator", "init")
        home = root / "home/alice/.local/share/orchestrator"
        with (home / "orchestrator.toml").open("a") as config:
            config.write('\n[secrets.key]\ncredential = "licence"\n')
        as_alice("systemctl", "--user", "enable", "--now", "orchestrator")
        drop(home, "first", '[run]\nscript = "echo $KEY"\nenv = { KEY = { secret = "key" } }')
        machine.until(lambda: bool([*home.glob("results/first-*/latest")]))
        (said,) = home.glob("results/first-*/latest/stdout")
        assert said.read_text() == "a key\n"
        as_alice("systemctl", "--user", "stop", "orchestrator")
        shown = ("show", "--property=ActiveState,Result", "orchestrator")
        state = as_alice("systemctl", "--user", *shown)
        assert set(state.split()) == {"ActiveState=inactive", "Result=success"}


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
    service.extend("quick", QUICK)
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
    service.machine.until(lambda: service.is_up_again(first))
