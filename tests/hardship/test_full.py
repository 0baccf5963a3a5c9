"""A disk that runs full under the real daemon, at each stage of a job's life."""

import os
from functools import partial
from pathlib import Path

import pytest

from tests.hardship.conftest import MakeDisk, MakeService
from tests.hardship.disk import MIB, Disk
from tests.hardship.service import Service

pytestmark = pytest.mark.needs("root", "mount", "mkfs.ext4")

KINDS = ["tmpfs", "ext4"]
BUSY = "while [ ! -e {gate} ]; do sleep 0.02; done"


def _gate(service: Service, name: str) -> tuple[str, Path]:
    """Return a script that waits, and the file that lets it go on."""
    gate = service.beside / f"gate-{name}"
    return BUSY.format(gate=gate), gate


def _exits(service: Service) -> int:
    return len(list(service.home.glob("state/backends/local/runs/*/exit.json")))


def _fill_again(disk: Disk, service: Service) -> None:
    """Fill the disk, also with what the ballast gives back."""
    disk.fill()
    service.until(lambda: not (service.home / "state/ballast").exists(), "the ballast to be gone")
    disk.fill()


@pytest.mark.parametrize("kind", [pytest.param("tmpfs", marks=pytest.mark.long), "ext4"])
def test_at_the_start_and_at_a_drop(disk_of: MakeDisk, service_at: MakeService, kind: str) -> None:
    """The service would be given up by systemd, or restarted for ever; a submit leave a half."""
    disk = disk_of(kind)
    service = service_at(disk.root / "home")
    service.init()
    service.write_job(service.beside, "beam", "true")
    disk.fill()
    daemon = service.start()
    service.heard("waiting for 1.0 MB of room")
    refused = service.ask("submit", service.beside / "job.toml")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "was not submitted: there is no room for it" in refused.stderr
    assert os.listdir(service.home / "spool") == []  # noqa: PTH208 - nothing, hidden or not
    assert "the disk is full" in service.ask("status").stderr
    assert service.doctor()["disk space"].startswith("problem: ")
    disk.clear()
    service.heard(" ready ")
    assert daemon.poll() is None  # it waited: it was not started anew
    assert service.ask("submit", service.beside / "job.toml").returncode == 0
    service.until(lambda: service.shown("beam") == "SUCCEEDED", "the job to end")
    assert service.stop() == 0
    service.assert_sound("beam")


@pytest.mark.parametrize("kind", [pytest.param("tmpfs", marks=pytest.mark.long), "ext4"])
def test_the_ballast_finishes_what_is_under_way(
    disk_of: MakeDisk, service_at: MakeService, kind: str
) -> None:
    """Runs that end on a full disk would hang there, nobody could cancel one, or an end be lost."""
    disk = disk_of(kind)
    service = service_at(disk.root / "home")
    service.init()
    ballast = service.home / "state/ballast"
    service.serve()
    first, first_gate = _gate(service, "first")
    second, second_gate = _gate(service, "second")
    for name, script in (("first", first), ("second", second), ("greedy", "sleep 1000")):
        service.drop(name, script)
    service.until(ballast.exists, "the ballast")
    for name in ("first", "second", "greedy"):
        service.until_shown(name, "RUNNING")

    disk.fill()
    service.heard("the ballast is let go")
    service.drop("later", "true")
    first_gate.touch()
    cancelled = service.ask("cancel", "greedy")
    assert cancelled.returncode == 0, cancelled.stderr
    for name, end in (("first", "SUCCEEDED"), ("greedy", "CANCELLED")):
        service.until_shown(name, end)
    service.until(lambda: _exits(service) == 0, "their folders to be gone, and to give no room")

    disk.fill()
    assert not ballast.exists()  # what is left now is only what a run reserved for its end
    second_gate.touch()
    service.until(lambda: _exits(service) == 1, "the end of a run to be noted on a full disk")
    assert service.shown("second") == "RUNNING"  # the queue has no room to know it
    assert "the disk is full" in service.explained("second")
    assert "new jobs wait for room on the disk: " in service.ask("status").stderr
    assert (service.home / "spool/later").is_dir()

    disk.clear()
    for name in ("second", "later"):
        service.until_shown(name, "SUCCEEDED")
    service.until(ballast.exists, "the ballast to be made again")
    assert service.stop() == 0
    service.assert_sound("first", "second", "greedy", "later")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_at_accept(disk_of: MakeDisk, service_at: MakeService, kind: str) -> None:
    """A drop that is out of the spool and does not fit into the queue would be lost."""
    disk = disk_of(kind)
    service = service_at(disk.root / "home")
    service.init()
    service.serve()
    comment = "# " + "x" * 77 + "\n"
    names = [f"wordy-{number}" for number in range(6)]
    for name in names:
        made = disk.root / f"{name}.made"
        made.mkdir()
        service.write_job(made, name, f"true\n{comment * 10_000}")
    disk.fill(leave=4 * MIB)  # they are taken, but all in one commit, and it has each text twice
    for name in names:
        (disk.root / f"{name}.made").rename(service.home / "spool" / name)
    service.heard("drops wait: the disk is full")
    claimed = service.home / "state/claimed"
    assert len(list(claimed.iterdir())) == len(names)
    assert "6 dropped, not accepted yet" in service.ask("status").stderr
    disk.clear()
    for name in names:
        service.until_shown(name, "SUCCEEDED")
    assert service.stop() == 0
    service.assert_sound(*names)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_at_staging(disk_of: MakeDisk, service_at: MakeService, kind: str) -> None:
    """A run would begin without its inputs, or half a copy of one keep the disk full."""
    disk = disk_of(kind)
    service = service_at(disk.root / "home")
    service.init()
    service.serve()
    made = disk.root / "heavy.made"
    made.mkdir()
    service.write_job(made, "heavy", "true")
    (made / "mesh.inp").write_bytes(bytes(5 * MIB))
    disk.fill(leave=4 * MIB)  # nothing is short of room, and yet a copy does not fit
    made.rename(service.home / "spool/heavy")
    service.until(service.troubles, "the input not to fit")
    assert "No space left" in service.troubles()[0]
    assert "No space left" in service.explained("heavy")
    service.until(lambda: disk.free() > 3 * MIB, "half a copy to be gone")
    disk.clear()
    service.until(lambda: service.shown("heavy") == "SUCCEEDED", "heavy to end")
    assert service.stop() == 0
    service.assert_sound("heavy")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_a_run_fills_the_disk_itself(disk_of: MakeDisk, service_at: MakeService, kind: str) -> None:
    """Its own failure is its own business; how it ended, and all other jobs, are ours."""
    disk = disk_of(kind)
    service = service_at(disk.root / "home")
    service.init(keep_free=8 * MIB)
    service.serve()
    service.until((service.home / "state/ballast").exists, "the ballast")
    other, gate = _gate(service, "other")
    service.drop("other", other)
    service.until(lambda: service.shown("other") == "RUNNING", "other to run")
    service.drop("greedy", "cat /dev/zero > all.bin; exit 3")
    service.until(lambda: "nothing new is begun" in service.said, "the disk to be full")
    gate.touch()
    service.until(lambda: service.shown("other") != "RUNNING", "the end of other to be known")
    service.until(lambda: service.shown("greedy") == "HARVESTING", "the end of greedy to be known")
    service.until(service.troubles, "the outputs to wait")
    assert "waiting for space" in service.explained("greedy")
    assert service.ask("cancel", "greedy").returncode == 0
    (all_of_it,) = service.home.glob("state/backends/local/runs/*/work/all.bin")
    with all_of_it.open("r+b") as file:
        file.truncate(1000)  # a person makes room
    for name, end in (("other", "SUCCEEDED"), ("greedy", "CANCELLED")):
        service.until_shown(name, end)
    assert service.stop() == 0
    service.assert_sound("other", "greedy")


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_at_the_shutdown_and_at_a_crash(
    disk_of: MakeDisk, service_at: MakeService, kind: str
) -> None:
    """A stop of the service on a full disk would count as a failure, or cost what was noted."""
    disk = disk_of(kind)
    service = service_at(disk.root / "home")
    service.init()
    service.serve()
    names = ["stopped", "killed"]
    gates = {}
    for name in names:
        script, gates[name] = _gate(service, name)
        service.drop(name, script)
        service.until_shown(name, "RUNNING")
    for end in (service.stop, service.kill):
        _fill_again(disk, service)
        gates[names[0] if end == service.stop else names[1]].touch()
        service.until(lambda: _exits(service) > 0, "the end of a run to be noted")
        assert end() in {0, None}  # in order: 0, though the queue's log cannot be written back
        before = service.said.count("waiting for")
        daemon = service.start()
        service.until(partial(_waits, service, before), "a wait")
        disk.clear()
        service.until(lambda: service.shown("stopped") == "SUCCEEDED", "stopped to end")
        assert daemon.poll() is None
    service.until(lambda: service.shown("killed") == "SUCCEEDED", "killed to end")
    assert service.stop() == 0
    service.assert_sound(*names)


@pytest.mark.long
def test_at_a_backup(disk_of: MakeDisk, service_at: MakeService) -> None:
    """The nightly copy of the queue would take the last room from the jobs."""
    disk = disk_of("ext4")
    service = service_at(disk.root / "home")
    service.init(keep_free=8 * MIB, config="[upkeep]\nbackup = '* * * * *'\n")
    service.serve()
    service.drop("beam", "true")
    service.until(lambda: service.shown("beam") == "SUCCEEDED", "the job to end")
    disk.fill(leave=8 * MIB)
    service.heard("no room for a copy of the queue")
    assert disk.free() > 7 * MIB
    disk.clear()
    before = service.said.count("the queue is copied")
    service.until(lambda: service.said.count("the queue is copied") > before, "a copy")
    assert not list(service.home.glob("state/backups/.*"))
    assert service.stop() == 0
    service.assert_sound("beam")


@pytest.mark.long
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("kind", KINDS)
def test_at_every_file_that_is_made(disk_of: MakeDisk, service_at: MakeService, kind: str) -> None:
    """Somewhere between spool and result a file that cannot be made would cost a job its end."""
    disk = disk_of(kind, files=1200)
    service = service_at(disk.root / "home")
    service.init()
    service.serve()
    names, held_up = [], set()
    for left in range(24):
        names.append(name := f"left-{left}")
        disk.fill_files(leave=left)
        # It is written into one of the files that fill the disk, and moved in: that takes none.
        text = f"name = '{name}'\n[run]\nscript = 'echo {name} >> {service.ledger}'\n"
        filling = disk.root / "files/0"
        filling.write_text(text)
        filling.rename(service.home / f"spool/{name}.toml")
        if (where := _held_up(service, name)) is not None:
            held_up.add(where)
        disk.clear()
        service.until_shown(name, "SUCCEEDED")
    assert held_up >= {"dropped", "STAGING", "HARVESTING"}  # it was full at all those stages
    assert service.stop() == 0
    service.assert_sound(*names)


def _held_up(service: Service, name: str) -> str | None:
    """Return the state that a job stays in for lack of files, after giving it time to move on."""
    try:
        service.until(lambda: service.shown(name) == "SUCCEEDED", "a happy end", patience=7.0)
    except AssertionError:
        return service.shown(name) or "dropped"
    return None


def _waits(service: Service, before: int) -> bool:
    """Whether the daemon has said more often than before that it waits."""
    return service.said.count("waiting for") > before
