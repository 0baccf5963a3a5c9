"""What the units keep from whom: rights, files, memory, secrets; and how systemd scores them."""

import contextlib
import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import UNIT, Service
from tests.system.machine import ROOT, Machine, boot

SECRET = "c4n4ry-0f-the-licence"  # noqa: S105 - what the test looks for

MAY_NOT = {"gain rights", "write to /etc"}  # the system unit, and so every local run
HARDENED_MAY = {
    "write to its own home",
    "read the number of this boot",
    "open an internet socket",
}

PROBE = "/opt/python/bin/python3 /opt/probe.py /var/lib/orchestrator/alice"
BESIDE_THE_DAEMON = f"""\
[Service]
Environment=LD_LIBRARY_PATH=/opt/python/lib
ExecStartPost={PROBE}
"""


@pytest.fixture
def probed_root(machine_root: Path) -> Path:
    """A machine with a probe in /opt, and folders that everybody may write to."""
    shutil.copy(Path(__file__).with_name("probe.py"), machine_root / "opt")
    for name in ("etc/open", "srv/open"):
        (machine_root / name).mkdir(parents=True)
        (machine_root / name).chmod(0o777)
    return machine_root


def prepare(machine: Machine) -> None:
    """Make what the probe looks for: a file in /tmp, a device."""
    machine.run("touch", "/tmp/of-others")
    machine.run("mknod", "--mode=666", "/dev/gpu", "c", "1", "3")


def probes(said: str) -> dict[str, bool]:
    """Return what the probe found, from what was said around it."""
    (line,) = (line for line in said.splitlines() if line.startswith('{"gain rights"'))
    found: dict[str, bool] = json.loads(line)
    return found


@pytest.mark.needs("root", "systemd-nspawn")
def test_local_runs_may_do_what_work_needs(probed_root: Path) -> None:
    """Containers, JIT compilers and GPUs would fail under the service though they work by hand."""
    with boot(probed_root) as machine:
        service = Service(machine)
        prepare(machine)
        assert machine.run("systemd-analyze", "verify", UNIT) == ""
        service.systemctl("start")
        service.drop(
            "probe",
            f"script = 'exec {PROBE}'\nenv = {{ LD_LIBRARY_PATH = \"/opt/python/lib\" }}",
        )
        found = probes((service.result("probe") / "stdout").read_text())
        assert {what for what, may in found.items() if not may} == MAY_NOT
        assert service.shown("OOMPolicy") == "continue"
        assert service.shown("PrivateTmp") == "no", "it is emptied at a stop, under runs"


@pytest.mark.needs("root", "systemd-nspawn")
def test_the_hardened_service_may_do_next_to_nothing(probed_root: Path) -> None:
    """Whoever found a hole in the daemon would have the account, or the machine."""
    with boot(probed_root) as machine:
        service = Service(machine)
        prepare(machine)
        service.extend("hardened", (ROOT / "systemd/hardened.conf").read_text())
        service.extend("probe", BESIDE_THE_DAEMON)
        assert machine.run("systemd-analyze", "verify", UNIT) == ""
        service.systemctl("start")
        found = probes(machine.journal())
        assert {what for what, may in found.items() if may} == HARDENED_MAY
        service.systemctl("stop")
        assert (service.shown("ActiveState"), service.shown("Result")) == ("inactive", "success")


@pytest.mark.needs("systemd-analyze")
def test_systemd_scores_the_hardened_unit_at_most_two(tmp_path: Path) -> None:
    """A change of the unit would open it wide, and nobody would see."""
    units = tmp_path / "etc/systemd/system"
    (units / "orchestrator@.service.d").mkdir(parents=True)
    shutil.copy(ROOT / "systemd/orchestrator@.service", units)
    score = ["systemd-analyze", "security", "--offline=true", f"--root={tmp_path}", UNIT]
    limited = [*score, "--threshold=20"]
    assert subprocess.run(limited, capture_output=True, check=False).returncode != 0
    shutil.copy(ROOT / "systemd/hardened.conf", units / "orchestrator@.service.d")
    done = subprocess.run(limited, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": 1.3 OK" in done.stdout.splitlines()[-1], "the figure that hardened.conf tells"


@pytest.mark.needs("root", "systemd-nspawn")
def test_a_credential_reaches_a_run_and_nothing_else(service: Service) -> None:
    """A licence key or password would lie about in the queue, in a log or in a process list."""
    root = service.machine.root
    (root / "etc/licence").write_text(SECRET)
    (root / "etc/licence").chmod(0o600)
    service.extend("licence", "[Service]\nLoadCredential=licence:/etc/licence\n")
    service.systemctl("start")
    with (service.home / "orchestrator.toml").open("a") as config:
        config.write('\n[secrets.key]\ncredential = "licence"\n')
    service.systemctl("restart")
    gate = service.gate("gate")
    service.drop(
        "user",
        "script = 'printf %s \"$KEY\" | sha256sum; read line < /home/alice/gate'\n"
        'env = { KEY = { secret = "key" } }',
    )
    with gate.open("w") as opened:  # as soon as the script waits there, and nothing else runs
        assert _carriers() == {"sh"}
        opened.write("go on\n")
    said = (service.result("user") / "stdout").read_text()
    assert said.split() == [hashlib.sha256(SECRET.encode()).hexdigest(), "-"]
    service.systemctl("stop")
    files = [path for path in service.home.rglob("*") if path.is_file()]
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    assert SECRET not in service.machine.journal()


def _carriers() -> set[str]:
    """Return the names of all processes that have the secret in their environment or arguments."""
    names = set()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            data = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
            if SECRET.encode() in data:
                names.add((process / "comm").read_text().strip())
    return names
