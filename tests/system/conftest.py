"""A service of a machine, as its units start it."""

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.machine import ROOT, USER, Machine, boot, build

UNIT = "orchestrator@alice.service"


class Service:
    """The system unit for alice, with the home that it makes for her."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.home = machine.root / "var/lib/orchestrator/alice"

    def systemctl(self, verb: str, *words: str, code: int = 0) -> str:
        """Ask systemd to do something with the unit."""
        return self.machine.run("systemctl", verb, *words, UNIT, code=code)

    def shown(self, name: str) -> str:
        """Return a property of the unit."""
        return self.systemctl("show", "--value", f"--property={name}").strip()

    def is_up_again(self, before: str) -> bool:
        """Whether the unit is up with another process than before."""
        return self.shown("MainPID") not in {before, "0"} and self.shown("ActiveState") == "active"

    def extend(self, name: str, text: str) -> None:
        """Add a drop-in to the unit."""
        folder = self.machine.root / f"etc/systemd/system/{UNIT}.d"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.conf").write_text(text)
        self.machine.run("systemctl", "daemon-reload")

    def drop(self, name: str, run: str) -> None:
        """Drop a job whose [run] is given."""
        drop(self.home, name, f"[run]\n{run}\n")

    def gate(self, name: str) -> Path:
        """Make a named pipe in alice's home directory: who reads a line from it waits for one."""
        path = self.machine.root / "home/alice" / name
        os.mkfifo(path)
        os.chown(path, USER, USER)
        return path

    def open_gate(self, path: Path) -> None:
        """Send a line to whoever waits at a gate, who must live."""

        def sent() -> bool:
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno != errno.ENXIO:  # nobody reads
                    raise
                return False
            os.write(descriptor, b"lived\n")
            os.close(descriptor)
            return True

        self.machine.until(sent)

    def told(self, job: str, pattern: str) -> str:
        """Wait for a line of status.log about a job; return it."""
        log = self.home / "log/status.log"
        line = re.compile(rf"^.* {job} .*{pattern}.*$", re.MULTILINE)
        self.machine.until(lambda: log.exists() and line.search(log.read_text()) is not None)
        found = line.search(log.read_text())
        assert found is not None
        return found[0]

    def result(self, job: str) -> Path:
        """Wait for the result of a job; return its folder."""
        self.machine.until(lambda: bool([*self.home.glob(f"results/{job}-*/latest")]))
        (folder,) = self.home.glob(f"results/{job}-*/latest")
        return folder

    def manifest(self, job: str) -> tuple[str, int | None]:
        """Wait for the result of a job; return its outcome and its exit code."""
        manifest = json.loads((self.result(job) / "MANIFEST.json").read_text())
        return manifest["outcome"], manifest["exit_code"]


def drop(home: Path, name: str, spec: str) -> None:
    """Drop a job of alice's into the spool of a home."""
    hidden = home / "spool" / f".{name}"
    hidden.write_text(spec)
    os.chown(hidden, USER, USER)
    hidden.rename(home / "spool" / f"{name}.toml")


@pytest.fixture
def machine_root(tmp_path: Path) -> Path:
    """The file system of a machine that has the system unit."""
    root = build(tmp_path)
    shutil.copy(ROOT / "systemd/orchestrator@.service", root / "etc/systemd/system")
    return root


@pytest.fixture
def service(machine_root: Path) -> Iterator[Service]:
    """The system unit, not started, on a machine with all the memory it wants."""
    with boot(machine_root) as machine:
        yield Service(machine)
