"""Intake is killed, or the disk fails it, at any call that changes something: nothing is lost."""

import errno
import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.core.intake import Verb
from orchestrator.spool import drop_file, drop_folder, drop_request
from tests.intake.tracing import CHANGES, Ran, Tracer
from tests.intake.world import GOOD, World

pytestmark = pytest.mark.needs("strace")

EVERYDAY = 16  # how many of all points the everyday sweep takes


@pytest.fixture(scope="module")
def tracer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracer]:
    """Give one server for all tests here."""
    with Tracer(tmp_path_factory.mktemp("tracer")) as tracer:
        yield tracer


class Drops:
    """One drop of each sort in a fresh home, and what must become of them."""

    def __init__(self, root: Path) -> None:
        self.home = root
        world = World(root)
        world.write("good.toml")
        world.write("bad.toml", b"bad")
        world.write("folder/job.toml")
        world.write("folder/mesh.inp", b"mesh")
        (world.spool / "link.toml").symlink_to("/etc/passwd")
        mesh = root / "mesh.inp"
        mesh.write_bytes(b"mesh")
        self.ours = drop_file(world.home, GOOD, "ours", ".toml")
        self.bundle = drop_folder(world.home, GOOD, "bundle", ".toml", [("mesh.inp", mesh)])
        self.hold = drop_request(world.home, Verb.HOLD, "ours")
        self.vain = drop_request(world.home, Verb.HOLD, "nobody")
        world.queue.close()

    async def check(self) -> None:
        """Recover as a restart does, and see that each drop became exactly what it should."""
        world = World(self.home)
        await world.settled()
        await world.settled()
        assert world.left() == []
        jobs = {str(name): str(ident) for ident, name in world.jobs()}
        assert sorted(str(name) for _, name in world.jobs()) == ["bundle", "folder", "good", "ours"]
        assert (jobs["ours"], jobs["bundle"]) == (self.ours, self.bundle)
        assert world.queue.rows("SELECT id, verb FROM request") == [(self.hold, "hold")]
        archived = sorted(path.name for path in world.home.archive.iterdir())
        assert archived == sorted([*jobs.values(), self.hold])
        for name in ("folder", "bundle"):
            (drop,) = (world.home.archive / jobs[name]).iterdir()
            assert (drop / "mesh.inp").read_bytes() == b"mesh"
        rejected = dict(world.queue.rows("SELECT name, id FROM rejection"))
        vain = f"hold.orch-{self.vain}.request.json"
        assert sorted(map(str, rejected)) == ["bad.toml", vain, "link.toml"]
        folders = {path.name for path in world.home.rejected.iterdir()}
        assert folders == {f"{name}-{ident}" for name, ident in rejected.items()}
        for name, ident in rejected.items():
            assert world.reason(str(ident))
            assert world.dropped(str(ident)).name == name
        assert world.dropped(str(rejected["bad.toml"])).read_bytes() == b"bad"
        world.queue.close()


def _trace(tracer: Tracer, home: Path, *options: str) -> Ran:
    return tracer.scan(home, "-y", "-e", f"trace={','.join(CHANGES)}", *options)


def _kill(tracer: Tracer, home: Path, name: str, number: int) -> Ran:
    return tracer.scan(home, "-e", f"inject={name}:signal=SIGKILL:when={number}")


async def test_an_undisturbed_scan_is_the_measure(tracer: Tracer, tmp_path: Path) -> None:
    """The sweeps below would prove nothing if they did not meet the calls that matter."""
    drops = Drops(tmp_path / "home")
    ran = _trace(tracer, drops.home)
    assert (ran.status, ran.error) == (0, None)
    names = {name for name, _ in ran.points()}
    assert names >= {"mkdir", "rename", "renameat2", "fsync", "fdatasync", "openat", "pwrite64"}
    await drops.check()


async def test_killed_now_and_then_it_loses_and_doubles_nothing(
    tracer: Tracer, tmp_path: Path
) -> None:
    """A kill -9 in the middle of intake would lose a job, or run it twice."""
    points = _trace(tracer, Drops(tmp_path / "measure").home).points()
    killed = 0
    for name, number in points[:: max(1, len(points) // EVERYDAY)]:
        drops = Drops(tmp_path / f"{name}-{number}")
        killed += _kill(tracer, drops.home, name, number).status == -signal.SIGKILL
        await drops.check()
    assert killed >= EVERYDAY * 0.8


@pytest.mark.long
@pytest.mark.timeout(1800)
async def test_killed_anywhere_it_loses_and_doubles_nothing(tracer: Tracer, tmp_path: Path) -> None:
    """As above, at every point, and then again while it recovers."""
    points = _trace(tracer, Drops(tmp_path / "measure").home).points()
    for name, number in points:
        drops = Drops(tmp_path / f"{name}-{number}")
        _kill(tracer, drops.home, name, number)
        _kill(tracer, drops.home, name, (number + 1) // 2)
        await drops.check()
        shutil.rmtree(drops.home)


NO_ROOM = ["mkdir", "mkdirat", "renameat2", "fsync", "rename"]


@pytest.mark.parametrize("call", NO_ROOM)
async def test_a_full_disk_only_puts_drops_off(tracer: Tracer, tmp_path: Path, call: str) -> None:
    """A full disk would stop the daemon, or lose the drops that came meanwhile."""
    drops = Drops(tmp_path / "home")
    ran = tracer.scan(drops.home, "-e", f"inject={call}:error=ENOSPC")
    assert (ran.status, ran.error) == (0, None)
    if ran.reports[-1]["accepted"] == []:
        said = [why for report in ran.reports for why in report["deferred"]]
        assert "the disk is full; it is safe where it is, and tried again" in said
    await drops.check()


async def test_a_failing_disk_stops_intake(tracer: Tracer, tmp_path: Path) -> None:
    """A sync that failed would be taken for one that was done."""
    drops = Drops(tmp_path / "home")
    ran = tracer.scan(drops.home, "-e", "inject=fsync:error=EIO")
    assert ran.error == errno.EIO
    await drops.check()


async def test_what_cannot_be_moved_is_told_once_and_stays(tracer: Tracer, tmp_path: Path) -> None:
    """The history would grow by a line each scan for a thing that nobody can move."""
    world = World(tmp_path / "home")
    world.write("stuck.toml")
    refuse = "inject=renameat2:error=EACCES"
    ran = tracer.scan(world.home.root, "-e", refuse, times=8)
    reasons = [report["rejected"] for report in ran.reports]
    told = ["it cannot be moved out of the spool: Permission denied"]
    assert reasons == [[], told, [], [], [], [], [], []]
    tracer.scan(world.home.root, "-e", refuse)  # a restart tells it again under the same id
    ((ident,),) = world.queue.rows("SELECT id FROM rejection")
    assert "lies unchanged in the spool" in world.reason(str(ident))
    assert (world.spool / "stuck.toml").read_bytes() == GOOD
    os.utime(world.spool / "stuck.toml")
    assert len((await world.settled()).accepted) == 1
    world.queue.close()


def _order(ran: Ran, *wanted: tuple[str, str]) -> None:
    """See that calls happened in this order, others between them or not."""
    calls = iter(ran.calls())
    for name, text in wanted:
        assert any(call == name and text in rest for call, rest in calls), (name, text)


async def test_a_claim_is_on_the_disk_before_the_job_is(tracer: Tracer, tmp_path: Path) -> None:
    """After a power cut a job could be in the queue and its input files nowhere."""
    world = World(tmp_path / "home")
    world.write("folder/job.toml")
    world.write("folder/mesh.inp", b"mesh")
    ran = _trace(tracer, world.home.root)
    ((ident, _),) = world.jobs()
    _order(
        ran,
        ("mkdirat", f'"{ident}"'),
        ("fsync", "state/claimed>"),
        ("renameat2", "RENAME_NOREPLACE"),
        ("fsync", f"claimed/{ident}>"),
        ("fsync", "/spool>"),
        ("fsync", f"claimed/{ident}/folder/mesh.inp>"),
        ("fsync", f"claimed/{ident}/folder>"),
        ("fdatasync", "queue.db"),
        ("renameat2", "state/archive>"),
    )
    world.queue.close()


async def test_a_reason_is_on_the_disk_before_the_refused_is_moved(
    tracer: Tracer, tmp_path: Path
) -> None:
    """After a power cut something could lie in `rejected/` without a reason."""
    world = World(tmp_path / "home")
    world.write("bad.toml", b"bad")
    ran = _trace(tracer, world.home.root)
    ((ident,),) = world.queue.rows("SELECT id FROM rejection")
    _order(
        ran,
        ("fsync", ".reason.json.tmp>"),
        ("rename", "reason.json"),
        ("fsync", ".reason.txt.tmp>"),
        ("rename", "reason.txt"),
        ("fsync", f"rejected/bad.toml-{ident}>"),
        ("fsync", "/rejected>"),
        ("fdatasync", "queue.db"),
        ("renameat2", '"dropped"'),
        ("fsync", f"rejected/bad.toml-{ident}>"),
        ("fsync", "state/claimed>"),
    )
    world.queue.close()


async def test_nothing_outside_the_spool_is_read(tracer: Tracer, tmp_path: Path) -> None:
    """A link in the spool would make the daemon read what its maker may not."""
    canary = tmp_path / "canary"
    canary.mkdir()
    (canary / "secret.toml").write_bytes(GOOD)
    world = World(tmp_path / "home")
    (world.spool / "file.toml").symlink_to(canary / "secret.toml")
    (world.spool / "dir").symlink_to(canary)
    world.write("folder/job.toml")
    (world.spool / "folder" / "file").symlink_to(canary / "secret.toml")
    (world.spool / "folder" / "dir").symlink_to(canary)
    ran = tracer.scan(world.home.root, "-y", "-e", "trace=open,openat,openat2,read,pread64")
    assert len(ran.reports[1]["rejected"]) == 3
    assert "/canary" in str(canary)
    assert "canary" not in ran.trace
    assert "/spool" in ran.trace
    world.queue.close()
