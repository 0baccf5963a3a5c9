"""A small machine with a systemd of its own: a container of this one (systemd-nspawn).

It shares our /usr, read-only; the program, its interpreter and its libraries lie below /opt, where
everybody may read them. All else is made here. Nothing of it touches this machine's own systemd.
"""

import os
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]
USER = 1000  # alice
LONGEST = 90.0  # seconds that anything may take

_FOLDERS = ("dev", "etc/systemd/system", "home", "opt", "proc", "root", "run", "sys", "tmp", "usr")
_FILES = {
    "etc/machine-id": "",
    "etc/os-release": "ID=machine\n",
    "etc/passwd": "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\n",
    "etc/group": "root:x:0:\nalice:x:1000:\nnogroup:x:65534:\n",
    "etc/systemd/system/booted.target": """\
[Unit]
Requires=sysinit.target
After=sysinit.target
""",
    "opt/bin/orchestrator": """\
#!/bin/sh
export PYTHONPATH=/opt/app:/opt/site LD_LIBRARY_PATH=/opt/python/lib PYTHONPYCACHEPREFIX=/opt/cache
exec /opt/python/bin/python3 -m orchestrator "$@"
""",
}
_SHOWN = {
    "/usr": "/usr",
    str(ROOT / "orchestrator"): "/opt/app/orchestrator",
    str(ROOT / "config"): "/opt/app/config",
    sys.base_prefix: "/opt/python",
    sysconfig.get_path("purelib"): "/opt/site",
}

# Our own control groups, in each hierarchy that systemd or a limit on memory needs: where the
# machine is started in new ones below them, it can neither see nor disturb another machine's.
_HIERARCHIES = {"": "unified", "memory": "memory", "name=systemd": "systemd"}
# It is not to outlive the tests either, whatever ends them.
_ENTER_AND_BOOT = """
for group in $0; do echo $$ >"$group/cgroup.procs"; done
exec setpriv --pdeathsig TERM "$@"
"""
_LIMITS = ("memory.max", "memory.limit_in_bytes")


class Machine:
    """A machine that runs. `root` is its file system, to be written and read from outside."""

    def __init__(self, root: Path, leader: int) -> None:
        self.root = root
        self._enter = ["nsenter", "--target", str(leader)]
        self._enter += ["-m", "-p", "-i", "-u", "-n", "-C"]

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command as root of the machine; return what it said. It must end with `code`."""
        done = self._run(command)
        assert done.returncode == code, f"{command}: {done.stdout}{self.journal()}"
        return done.stdout

    def journal(self) -> str:
        """Return the last that the services of the machine said."""
        return self._run(["journalctl", "--no-pager", "--output=cat", "--lines=100"]).stdout

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something holds; fail with the journal when it takes too long."""
        deadline = time.monotonic() + LONGEST
        while not holds():
            assert time.monotonic() < deadline, self.journal()
            time.sleep(0.02)

    def _run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._enter, *command],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST,
            check=False,
        )


def build(folder: Path) -> Path:
    """Make the machine's file system in a folder; return it."""
    root = folder / "machine"
    for name in _FOLDERS:
        (root / name).mkdir(parents=True)
    for name, text in _FILES.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text)
    (root / "opt/bin/orchestrator").chmod(0o755)
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/usr", name).exists():
            (root / name).symlink_to(f"usr/{name}")
    (root / "home/alice").mkdir()
    _compiled(root).mkdir(exist_ok=True)
    for path in (root / "home/alice", _compiled(root)):
        os.chown(path, USER, USER)
    return root


def _compiled(root: Path) -> Path:
    """Return where machines of neighbouring folders share what Python has compiled."""
    return root.parents[1] / "compiled"


@contextmanager
def boot(root: Path, *, memory: int | None = None) -> Iterator[Machine]:
    """Boot the machine, with all its memory limited to so many bytes; power it off at the end."""
    name = f"orchestrator-test-{os.getpid()}"
    shown = [f"--bind-ro={path}:{place}" for path, place in _SHOWN.items()]
    shown += [f"--bind-ro={root}/opt/bin:/usr/local/bin", f"--bind={_compiled(root)}:/opt/cache"]
    said = root.with_name("console")
    with _groups(name, memory) as groups, said.open("wb") as console:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as booted:
            booted.bind(f"\0{name}")
            booted.settimeout(LONGEST)
            child = subprocess.Popen(
                [
                    *("sh", "-c", _ENTER_AND_BOOT, " ".join(map(str, groups))),
                    *("systemd-nspawn", "--directory", str(root), f"--machine={name}", *shown),
                    *("--register=no", "--keep-unit", "--private-network", "--console=pipe"),
                    *("--notify-ready=yes", "--kill-signal=SIGKILL"),
                    *("--boot", "--", "--unit=booted.target"),
                ],
                env={
                    "PATH": os.environ["PATH"],
                    "NOTIFY_SOCKET": f"@{name}",
                    "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
                },
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
            try:
                leader = _leader(booted)
            except TimeoutError:
                child.terminate()
                child.wait()
                raise AssertionError(f"the machine did not boot:\n{said.read_text()}") from None
        # From here on nobody listens: an ear that does not hear would stop the machine.
        try:
            yield Machine(root, leader)
        finally:
            child.terminate()
            child.wait()


def _leader(booted: socket.socket) -> int:
    """Wait until the machine is up; return the process number of its process 1."""
    leader = 0
    while True:
        for line in booted.recv(4096).decode().splitlines():
            word, _, value = line.partition("=")
            if word == "X_NSPAWN_LEADER_PID":
                leader = int(value)
            elif line == "READY=1":
                return leader


@contextmanager
def _groups(name: str, memory: int | None) -> Iterator[list[Path]]:
    """Make control groups below our own, limit the memory in them, and remove them at the end."""
    groups = []
    for line in Path("/proc/self/cgroup").read_text("ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in _HIERARCHIES:
            mount = Path("/sys/fs/cgroup", _HIERARCHIES[controllers])
            top = mount if mount.is_dir() else Path("/sys/fs/cgroup")
            groups.append(top / path.lstrip("/") / name)
    try:
        for group in groups:
            group.mkdir(exist_ok=True)  # tests that were killed leave theirs, empty
        if memory is not None:
            _limit(groups).write_text(str(memory))
        yield groups
    finally:
        for group in groups:
            for folder, _, _ in os.walk(group, topdown=False):
                Path(folder).rmdir()


def _limit(groups: list[Path]) -> Path:
    """Return the file that limits the memory of what is in these groups."""
    files = [group / name for group in groups for name in _LIMITS]
    for file in files:
        if file.exists():
            return file
    raise AssertionError(f"memory cannot be limited here: there is none of {files}")
