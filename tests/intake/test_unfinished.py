"""What cannot be finished now is finished later; and whatever is dropped ends somewhere."""

import os
import random
from pathlib import Path

import pytest

from orchestrator.core.intake import Verb
from orchestrator.spool import claim, drop_file, drop_request, write_reason
from tests.intake.world import GOOD, World


async def test_a_claimed_file_that_is_written_to_is_read_later(world: World) -> None:
    """A writer that opened the file in the last moment would have half its text accepted."""
    path = world.spool / "beam.toml"
    path.write_bytes(GOOD)
    (claimed,), _ = claim(world.home, [b"beam.toml"], set())
    with (world.home.claimed / claimed.id / "beam.toml").open("ab") as late:
        report = await world.scan()
        assert [each.why for each in report.deferred] == ["it is being written to again"]
        late.write(b'name = "changed"\n')
    assert len((await world.scan()).accepted) == 1
    assert [name for _, name in world.jobs()] == ["changed"]


async def test_a_full_queue_keeps_drops_claimed_and_takes_them_later(world: World) -> None:
    """A full disk under the database would lose the drops it happened to."""
    ident = drop_file(world.home, GOOD, "beam", ".toml")
    drop_file(world.home, b"bad", "bad", ".toml")
    drop_request(world.home, Verb.HOLD, "beam")
    world.queue.full = True
    report = await world.scan()
    assert (report.accepted, report.rejected, report.requests) == ((), (), ())
    assert {each.why for each in report.deferred} == {
        "the disk is full; it is safe where it is, and tried again"
    }
    world.queue.full = False
    report = await world.scan()
    assert report.accepted == (ident,)
    assert (len(report.rejected), len(report.requests)) == (1, 1)
    assert world.left() == []


async def test_a_verdict_that_was_written_down_stands(world: World, tmp_path: Path) -> None:
    """After a crash in the middle of a refusal a drop would be both refused and run."""
    mesh = tmp_path / "mesh.inp"
    world.write("a.toml", GOOD + f'[inputs]\nm = "{mesh}"\n'.encode())
    (claimed,), _ = claim(world.home, [b"a.toml"], set())
    write_reason(world.home, claimed.id, claimed.name, ("the mesh is missing",))
    mesh.write_bytes(b"mesh")
    report = await world.scan()
    assert [each.reason for each in report.rejected] == ["the mesh is missing"]
    assert world.jobs() == []


async def test_a_job_that_the_queue_knows_is_not_judged_again(world: World) -> None:
    """After a crash behind the commit, a job whose input is gone by now would be refused too."""
    ident = drop_file(world.home, GOOD, "beam", ".toml")
    claim(world.home, [f"beam.orch-{ident}.toml".encode()], set())
    (path,) = (world.home.claimed / ident).iterdir()
    world.queue.rows("INSERT INTO job VALUES (?, 'beam', ?, '{}')", ident, GOOD)
    path.write_bytes(b"no longer readable")
    report = await world.scan()
    assert (report.accepted, report.rejected) == ((), ())
    assert (world.home.archive / ident).is_dir()


async def test_an_empty_claim_keeps_its_id_free(world: World) -> None:
    """After a crash before a claim's folder is filled, a submitted id would be lost."""
    ident = drop_file(world.home, GOOD, "beam", ".toml")
    (world.home.claimed / ident).mkdir()
    assert (await world.scan()).accepted == (ident,)


SPECIAL = ["\n", "\x1b[2J", "\udcff", " ", "'", "$(id)", "\u202e", "..", "-", "*", "a"]
SUFFIXES = [".toml", ".json", "", ".request.json", ".inp", ".orch-0123456789ab.toml"]
DATA = [GOOD, b"", b"bad", b"x" * 5000, b'{"request": "hold", "job": "nobody"}']


def _plant(chance: random.Random, folder: Path, canary: Path, depth: int = 0) -> None:
    """Grow an odd tree: any names, any kinds of file, links to a file that nobody may touch."""
    for number in range(chance.randint(1, 5)):
        odd = "".join(chance.choices(SPECIAL, k=chance.randint(1, 6)))
        path = folder / f"{odd}{number}{chance.choice(SUFFIXES)}"
        match chance.randrange(7):
            case 0 if depth < 6:
                path.mkdir()
                _plant(chance, path, canary, depth + 1)
            case 1:
                path.symlink_to(canary)
            case 2:
                os.mkfifo(path)
            case 3:
                path.hardlink_to(canary)
            case 4:
                path.symlink_to(chance.choice([".", "..", "/", "loop", path.name]))
            case _:
                path.write_bytes(chance.choice(DATA))
                path.chmod(chance.choice([0o600, 0o644, 0o000, 0o4755]))


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_is_dropped_ends_in_one_place(
    world: World, tmp_path: Path, seed: int
) -> None:
    """Some odd tree would stop the daemon, be lost, or be taken twice."""
    canary = tmp_path / "canary"
    canary.write_bytes(b"canary")
    _plant(random.Random(seed), world.spool, canary)
    dropped = {path.name for path in world.spool.iterdir()}
    skipped = {name for name in dropped if name.startswith(".")}
    await world.settled(2 * 30)
    assert set(world.left()) == skipped
    ends = [*world.home.archive.glob("*/*"), *world.home.rejected.glob("*/dropped/*")]
    assert sorted(path.name for path in ends) == sorted(dropped - skipped)
    assert len(world.jobs()) + len(world.queue.rows("SELECT * FROM rejection")) == len(ends)
    assert canary.read_bytes() == b"canary"


async def test_jobs_wait_in_the_spool_while_room_is_lacking(world: World) -> None:
    """The service would take in what it has no room for; and nobody could cancel to make some."""
    drop_file(world.home, GOOD, "old", ".toml")
    await world.scan()
    world.lacks = "room on the disk: 1 MB is free, 2 MB are needed"
    ident = drop_file(world.home, GOOD, "new", ".toml")
    about_old = drop_request(world.home, Verb.CANCEL, "old")
    about_new = drop_request(world.home, Verb.CANCEL, "new")
    report = await world.scan()
    assert report.accepted == ()
    assert [request.id for request in report.requests] == [about_old]
    assert f"it waits for {world.lacks}" in {each.why for each in report.deferred}
    assert report.rejected == (), "the request about the job that waits was refused"
    assert any(ident in path.name for path in world.spool.iterdir())

    world.lacks = None
    report = await world.scan()
    assert report.accepted == (ident,)
    assert [request.id for request in report.requests] == [about_new]


async def test_what_is_claimed_is_taken_in_while_room_is_lacking(world: World) -> None:
    """After a crash on a short disk, a drop would be neither in the spool nor in the queue."""
    ident = drop_file(world.home, GOOD, "beam", ".toml")
    claim(world.home, [f"beam.orch-{ident}.toml".encode()], set())
    drop_file(world.home, GOOD, "later", ".toml")
    world.lacks = "room on the disk"
    assert (await world.scan()).accepted == (ident,)
