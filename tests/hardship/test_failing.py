"""Disks that refuse for other reasons than bytes: no more files, read-only, a quota."""

import os
import signal
import subprocess
from contextlib import suppress

import pytest

from tests.hardship.conftest import MakeDisk, MakeService
from tests.hardship.disk import MIB

pytestmark = pytest.mark.needs("root", "mount", "mkfs.ext4")


@pytest.mark.long
def test_a_disk_that_goes_read_only(disk_of: MakeDisk, service_at: MakeService) -> None:
    """The daemon would go on from what it only believes to be on the disk, or kill what runs."""
    disk = disk_of("ext4")
    service = service_at(disk.root / "home")
    service.init()
    service.serve()
    going_on = service.beside / "going-on"
    service.drop("long", f"touch {going_on}; exec sleep 1000")
    service.until(going_on.exists, "the run")
    service.until(lambda: service.shown("long") == "RUNNING", "the start to be noted")
    assert service.daemon is not None
    (sleeper,) = [pid for pid in service.pids_in_runs() if pid != service.daemon.pid]

    disk.fail()
    assert service.daemon.wait(60) == 74
    last = service.said.splitlines()[-1]
    assert last.startswith("orchestrator: ended, to start again from what is on disk: "), last
    assert service.start().wait(60) == 74  # as often as systemd likes, and never 78: give up
    assert "Read-only file system" in service.said.splitlines()[-1]
    assert "Traceback" not in service.said
    os.kill(sleeper, 0)  # the run lives

    service.end_processes()
    disk.unmount()
    disk.mount()  # a person restarts the machine
    service.serve()
    service.until(lambda: service.shown("long") == "HELD", "the lost run to be held")
    service.drop("next", "true")
    service.until(lambda: service.shown("next") == "SUCCEEDED", "another job to end")
    assert service.stop() == 0
    service.assert_sound("long", "next")


@pytest.mark.long
@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_start_without_a_file_left(disk_of: MakeDisk, service_at: MakeService, kind: str) -> None:
    """There is room for bytes, and the start fails all the same, until systemd gives up."""
    disk = disk_of(kind, files=500)
    service = service_at(disk.root / "home")
    service.init()
    disk.fill_files()
    daemon = service.start()
    service.heard("waiting for 1.0 MB of room")
    assert service.doctor()["disk files"].startswith("problem: 0 more files")
    disk.clear()
    service.heard(" ready ")
    assert daemon.poll() is None
    assert service.stop() == 0


@pytest.mark.long
@pytest.mark.needs("mkfs.btrfs")
def test_a_quota(disk_of: MakeDisk, service_at: MakeService) -> None:
    """The daemon would take it for a broken disk, fail, and be started again for ever."""
    disk = disk_of("btrfs", size=400 * MIB)
    service = service_at(disk.root / "home")
    service.init()
    ballast = service.home / "state/ballast"
    service.serve()
    service.until(ballast.exists, "the ballast")
    gate = service.beside / "gate"
    service.drop("beam", f"while [ ! -e {gate} ]; do sleep 0.02; done")
    service.until(lambda: service.shown("beam") == "RUNNING", "the run")

    disk.limit(60 * MIB)
    gate.touch()
    assert service.daemon is not None
    ends = []
    while "waiting for 1.0 MB of room" not in service.said:  # as systemd does it
        disk.write_until_refused()
        with suppress(subprocess.TimeoutExpired):
            ends.append(service.daemon.wait(1.0))
            service.start()
    # 74, or SIGBUS: there btrfs has no room for a page of memory that SQLite shares with readers.
    assert set(ends) <= {74, -signal.SIGBUS}
    assert len(ends) <= 4, "it was started again and again"
    assert not ballast.exists()
    assert service.daemon.poll() is None

    disk.lift_limit()
    service.until(lambda: " ready " in service.said.partition("waiting for")[2], "a start")
    service.until(lambda: service.shown("beam") == "SUCCEEDED", "the job to end")
    assert service.stop() == 0
    service.assert_sound("beam")
