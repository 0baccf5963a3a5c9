"""Pulling the plug of a real file system under the real program.

The file system lies in an image on a loop device, and its own "shut down now, write nothing more"
takes the place of the plug. Everything at work on it lives in a process namespace of its own, with
a boot id of its own, and dies with it.
"""

import ctypes
import fcntl
import os
import signal
import struct
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from random import Random
from typing import NamedTuple

from orchestrator.config.home import Home
from orchestrator.spool import drop_file, drop_folder
from tests.powercut.at_rest import broken_at_rest
from tests.powercut.promises import broken_after
from tests.powercut.record import Told
from tests.powercut.scenario import CONFIG, JOBS, MESH, world_environment

FILE_SYSTEMS = ("ext4", "xfs")
IMAGE_BYTES = 320 << 20  # the smallest that mkfs.xfs makes
GOING_DOWN = 0x8004587D  # XFS_IOC_GOINGDOWN, EXT4_IOC_SHUTDOWN
NO_LOG_FLUSH = 2
MOST_DROPS = 25  # before the plug is pulled
LONGEST_MORE = 0.5  # seconds between the last of these and the pull
AHEAD, PAUSE = 8, 0.005  # drops that wait to be run at once; seconds between looks at the ledger
SORTS = ("folder", "late", "fails")
BOOT_ID = "/proc/sys/kernel/random/boot_id"


class Pull(NamedTuple):
    """What came of one pull: drops that were acknowledged, runs begun by then, what is bad."""

    drops: int
    runs: int
    bad: list[str]


def see_mounts_alone() -> None:
    """Keep what this process mounts from others, who could keep a dead file system from going."""
    clone_newns = 0x20000
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newns) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def pull(kind: str, folder: Path, random: Random) -> Pull:
    """Make a file system of a kind, work on it, pull the plug, start again and check."""
    world = folder / "world"
    disk = world / "disk"
    disk.mkdir(parents=True)
    (world / "outside").mkdir()
    (world / "outside" / "ledger").touch()
    (world / "mesh.inp").write_bytes(MESH)
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(IMAGE_BYTES)
    subprocess.run([f"mkfs.{kind}", "-q", str(image)], check=True)
    with mounted(image, disk):
        told = _work_until_pulled(world, random)
    with mounted(image, disk):  # the journal is replayed
        bad = list(broken_at_rest(Home(disk / "home"), told))
        bad += broken_after(world, told, _serve_again(world))
    return Pull(len(told.ids), len(told.ledger), bad)


@contextmanager
def mounted(image: Path, at: Path) -> Iterator[None]:
    """Mount an image as root."""
    subprocess.run(["mount", "-o", "loop", str(image), str(at)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(at)], check=True)


def _work_until_pulled(world: Path, random: Random) -> Told:
    status = world / "disk" / "home" / "log" / "status.log"
    command = [sys.executable, "-m", "tests.powercut.pulls", str(world)]
    ids: list[str] = []
    with _started(world, command, stdout=subprocess.PIPE) as work:
        assert work.stdout is not None
        for _ in range(random.randint(1, MOST_DROPS)):
            ids.append(work.stdout.readline().strip())
            assert ids[-1], (world / "serve.log").read_text()
        time.sleep(random.uniform(0, LONGEST_MORE))  # the moment of the pull
        lines = status.read_text().splitlines() if status.exists() else []
        plug = os.open(world / "disk", os.O_RDONLY)
        fcntl.ioctl(plug, GOING_DOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(plug)
        _kill(work)
        ids += work.stdout.read().split()
    ledger = (world / "outside" / "ledger").read_text().splitlines()
    return Told(frozenset(ids), frozenset(), tuple(lines), tuple(ledger))


def _serve_again(world: Path) -> int:
    (world / "disk" / "home").mkdir(exist_ok=True)
    program = [sys.executable, "-m", "orchestrator", "--home", str(world / "disk" / "home")]
    _start_and_wait(world, [*program, "init"])
    (world / "disk" / "home" / "orchestrator.toml").write_text(CONFIG)
    return _start_and_wait(world, [*program, "serve", "--until-idle"])


def _start_and_wait(world: Path, command: list[str]) -> int:
    with _started(world, command, stdout=subprocess.DEVNULL) as process:
        return process.wait(300)


def _started(world: Path, command: list[str], stdout: int) -> subprocess.Popen[str]:
    """Start a command as the first process of a machine of its own, which ends with it."""
    (world / "boot_id").write_text(str(uuid.uuid4()))
    own = ["unshare", "--pid", "--fork", "--mount-proc"]
    boot = ["sh", "-c", f'mount --bind "$0" {BOOT_ID} && exec "$@"', str(world / "boot_id")]
    with (world / "serve.log").open("ab") as log:
        return subprocess.Popen(
            [*own, *boot, *command],
            env=world_environment(world),
            stdout=stdout,
            stderr=log,
            text=True,
        )


def _kill(process: subprocess.Popen[str]) -> None:
    """Kill the first process in there, and everything else with it."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for child in children:
        os.kill(int(child), signal.SIGKILL)
    process.wait(30)


def work(world: Path) -> None:
    """Run the daemon and drop jobs for ever, a few ahead of the runs; tell the id of each."""
    home = Home(world / "disk" / "home")
    program = [sys.executable, "-m", "orchestrator", "--home", str(home.root)]
    subprocess.run([*program, "init"], check=True, stdout=subprocess.DEVNULL)
    home.config.write_text(CONFIG)
    ledger = world / "outside" / "ledger"
    with subprocess.Popen([*program, "serve"], stdout=subprocess.DEVNULL) as daemon:
        for number in count(1):
            while number > len(ledger.read_text().splitlines()) + AHEAD:
                assert daemon.poll() is None
                time.sleep(PAUSE)
            name = SORTS[number % len(SORTS)]
            text, stem = JOBS[name].text().encode(), f"{name}-{number}"
            if JOBS[name].with_mesh:
                files = [("mesh.inp", world / "mesh.inp")]
                id_ = drop_folder(home, text, stem, ".toml", files)
            else:
                id_ = drop_file(home, text, stem, ".toml")
            sys.stdout.write(f"{id_}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    work(Path(sys.argv[1]))
