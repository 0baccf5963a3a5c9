"""Good drops become jobs: once each, under the right name, however they are written."""

import os
import shutil
from pathlib import Path

from orchestrator.spool import drop_copy, drop_file, drop_folder
from tests.intake.world import GOOD, World


async def test_a_copied_file_becomes_a_job(world: World) -> None:
    """`cp beam.toml spool/` would be ignored, or its text, its name or what it needs lost."""
    world.lease_of = lambda spec: f"the study of {spec.name}"
    world.write("beam.toml")
    report = await world.settled()
    ((ident, name),) = world.jobs()
    assert (report.accepted, name) == ((ident,), "beam")
    assert world.queue.rows("SELECT text FROM job") == [(GOOD,)]
    assert (world.home.archive / str(ident) / "beam.toml").read_bytes() == GOOD
    assert world.left() == []
    assert world.told(str(ident)) == {
        "file": "beam.toml",
        "drop": "beam.toml",
        "uid": os.geteuid(),
        "inputs": [],
        "lease": "the study of beam",
    }


async def test_yaml_and_json_are_read_too(world: World) -> None:
    """Job files in the other two formats, or with a suffix in capitals, would be refused."""
    world.write("a.yaml", b"run:\n  command: [x]\n")
    world.write("b.yml", b"run:\n  command: [x]\n")
    world.write("c.JSON", b'{"run": {"command": ["x"]}}')
    await world.settled()
    assert sorted(name for _, name in world.jobs()) == ["a", "b", "c"]


async def test_two_drops_of_one_name_are_two_jobs(world: World) -> None:
    """The second job of a loop that always writes job.toml would be lost."""
    for _ in range(2):
        world.write("job.toml")
        await world.settled()
    assert [name for _, name in world.jobs()] == ["job", "job"]


async def test_our_own_drop_is_taken_at_once_under_its_id(world: World) -> None:
    """`orchestrator submit` would print an id under which no job is ever found."""
    ident = drop_file(world.home, GOOD, "beam", ".toml")
    report = await world.scan()
    assert report.accepted == (ident,)
    assert world.jobs() == [(ident, "beam")]
    assert world.told(ident)["file"] == "beam.toml"


async def test_an_id_that_was_used_is_not_used_again(world: World) -> None:
    """A drop copied from the archive would be taken for the old job, and vanish."""
    ident = drop_file(world.home, GOOD, "beam", ".toml")
    await world.scan()
    (old,) = (world.home.archive / ident).iterdir()
    shutil.copy(old, world.spool)
    shutil.copy(old, world.spool / f"other.orch-{ident}.toml")
    await world.scan()
    jobs = world.jobs()
    assert len({ident for ident, _ in jobs}) == 3
    assert jobs[0] == (ident, "beam")


async def test_an_id_that_was_refused_is_not_used_again(world: World) -> None:
    """A mended drop, put back under its name, would be refused for the old reason."""
    ident = drop_file(world.home, b"run = 1", "beam", ".toml")
    await world.scan()
    refused = world.dropped(ident)
    world.write(refused.name)
    report = await world.scan()
    assert len(report.accepted) == 1
    assert report.accepted != (ident,)


async def test_two_drops_with_one_id_are_two_jobs(world: World) -> None:
    """Of two copies of one produced drop, seen in one scan, one would be lost."""
    ident = drop_file(world.home, GOOD, "a", ".toml")
    shutil.copy(world.spool / f"a.orch-{ident}.toml", world.spool / f"b.orch-{ident}.toml")
    await world.scan()
    assert sorted(name for _, name in world.jobs()) == ["a", "b"]


async def test_jobs_are_accepted_in_the_order_they_came(world: World) -> None:
    """Of many jobs dropped while the daemon was down, the last would run first."""
    for number in range(150):  # more than two batches
        path = world.write(f"n{(number * 7) % 150:03}.toml")
        os.utime(path, ns=(0, 10**9 * (number * 7 % 150)))
    await world.settled()
    assert [name for _, name in world.jobs()] == [f"n{number:03}" for number in range(150)]


async def test_a_folder_becomes_a_job_with_all_its_files(world: World) -> None:
    """Input files beside job.toml would be missing in the run, or unknown to the queue."""
    world.write("beam/job.toml")
    world.write("beam/mesh.inp", b"mesh")
    world.write("beam/data/.hidden", b"x")
    report = await world.settled()
    (ident,) = report.accepted
    inputs = world.told(ident)["inputs"]
    assert {(each["name"], each["source"], each["size"], each["taken"]) for each in inputs} == {
        ("mesh.inp", "mesh.inp", 4, True),
        ("data/.hidden", "data/.hidden", 1, True),
    }
    assert (world.home.archive / ident / "beam" / "mesh.inp").read_bytes() == b"mesh"
    assert world.jobs() == [(ident, "beam")]


async def test_a_named_input_is_the_only_one(world: World) -> None:
    """Files that the spec does not name would be sent along."""
    world.write("beam/job.toml", GOOD + b'[inputs]\n"in/m.inp" = "mesh.inp"\n')
    world.write("beam/mesh.inp", b"mesh")
    world.write("beam/other.inp", b"other")
    (ident,) = (await world.settled()).accepted
    (only,) = world.told(ident)["inputs"]
    assert (only["name"], only["source"], only["taken"]) == ("in/m.inp", "mesh.inp", True)


async def test_an_absolute_input_is_noted_with_size_and_time(world: World, tmp_path: Path) -> None:
    """A change of an input between acceptance and start could not be noticed."""
    mesh = tmp_path / "mesh.inp"
    mesh.write_bytes(b"mesh")
    os.utime(mesh, ns=(0, 12345))
    world.write("beam.toml", GOOD + f'[inputs]\nm = "{mesh}"\n'.encode())
    (ident,) = (await world.settled()).accepted
    assert world.told(ident)["inputs"] == [
        {"name": "m", "source": str(mesh), "size": 4, "mtime_ns": 12345, "taken": False}
    ]


async def test_a_produced_folder_keeps_its_id_and_files(world: World, tmp_path: Path) -> None:
    """`orchestrator submit` of a job with input files would lose the files or the id."""
    mesh = tmp_path / "mesh.inp"
    mesh.write_bytes(b"mesh")
    ident = drop_folder(world.home, GOOD, "beam", ".toml", [("data/mesh.inp", mesh)])
    assert (await world.scan()).accepted == (ident,)
    (drop,) = (world.home.archive / ident).iterdir()
    assert (drop / "data" / "mesh.inp").read_bytes() == b"mesh"
    assert world.jobs() == [(ident, "beam")]


async def test_a_copy_of_a_folder_keeps_executable_files(world: World, tmp_path: Path) -> None:
    """A script in a submitted folder could not be run."""
    source = tmp_path / "beam"
    source.mkdir()
    (source / "job.toml").write_bytes(GOOD)
    (source / "go.sh").write_text("#!/bin/sh\n")
    (source / "go.sh").chmod(0o755)
    ident = drop_copy(world.home, source)
    assert (await world.scan()).accepted == (ident,)
    (drop,) = (world.home.archive / ident).iterdir()
    assert os.access(drop / "go.sh", os.X_OK)
    assert world.jobs() == [(ident, "beam")]


async def test_a_drop_that_is_taken_back_in_time_is_no_job(world: World) -> None:
    """A user who moves his file out again while it settles would meet an error."""
    world.write("beam.toml")
    await world.scan()
    (world.spool / "beam.toml").unlink()
    world.now += 2
    report = await world.scan()
    assert (report.accepted, report.rejected, report.deferred) == ((), (), ())
