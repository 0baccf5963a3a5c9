"""The loop: it wakes for what comes, and looks again for what it could not be told of."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio

from orchestrator.intake import Report
from orchestrator.spool import drop_file
from tests.intake.world import GOOD, RULES, World

Reports = anyio.abc.ObjectReceiveStream[Report]


@asynccontextmanager
async def _running(world: World) -> AsyncIterator[Reports]:
    """Run the loop; yields its reports, the first one (of an empty spool) already taken."""
    send, receive = anyio.create_memory_object_stream[Report](1000)
    with send, receive, anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(world.intake.run, send.send_nowait)
            await receive.receive()
            yield receive
            group.cancel_scope.cancel()


async def _accepted(reports: Reports) -> Report:
    while not (report := await reports.receive()).accepted:
        pass
    return report


async def test_a_drop_by_rename_is_heard_and_taken_at_once(world: World, tmp_path: Path) -> None:
    """`mv job.toml spool/` would wait for the next round; time itself stands still here."""
    world.restarted(replace(RULES, scan_every=3600.0))
    async with _running(world) as reports:
        (tmp_path / "beam.toml").write_bytes(GOOD)
        (tmp_path / "beam.toml").rename(world.spool / "beam.toml")
        assert len((await _accepted(reports)).accepted) == 1
        ident = drop_file(world.home, GOOD, "ours", ".toml")
        assert (await _accepted(reports)).accepted == (ident,)
        (tmp_path / "folder").mkdir()
        (tmp_path / "folder" / "job.toml").write_bytes(GOOD)
        (tmp_path / "folder").rename(world.spool / "folder")
        assert len((await _accepted(reports)).accepted) == 1
    assert [name for _, name in world.jobs()] == ["beam", "ours", "folder"]


async def test_a_file_written_in_place_is_taken_by_itself(world: World) -> None:
    """`cp job.toml spool/` would wait until something else happens."""
    world.restarted(replace(RULES, settle=0.05, scan_every=3600.0))
    world.intake._clock = anyio.current_time
    async with _running(world) as reports:
        world.write("beam.toml")
        assert len((await _accepted(reports)).accepted) == 1


async def test_what_is_written_to_after_its_rename_must_be_left_alone(
    world: World, tmp_path: Path
) -> None:
    """A download that is renamed before it is closed would be taken when it is closed once."""
    world.restarted(replace(RULES, scan_every=3600.0))
    world.intake._clock = lambda: world.now  # it stands still: nothing is ever quiet for long
    async with _running(world) as reports:
        with (tmp_path / "beam.toml").open("wb") as file:
            (tmp_path / "beam.toml").rename(world.spool / "beam.toml")
            (waits,) = (await reports.receive()).deferred
            assert waits.why == "it is open for writing"
            file.write(GOOD)
        while (report := await reports.receive()).deferred == (waits,):
            pass
        assert report.accepted == ()
        assert "nothing has changed" in report.deferred[0].why


async def test_without_a_hint_it_looks_again(world: World) -> None:
    """When hints are lost, drops would never be seen."""
    world.restarted(replace(RULES, scan_every=0.01))
    async with _running(world) as reports:
        for _ in range(3):
            assert (await reports.receive()).accepted == ()


async def test_a_spool_that_was_moved_away_is_made_anew(world: World) -> None:
    """After a user has tidied up, nothing that he drops would be seen again."""
    world.restarted(replace(RULES, scan_every=3600.0))
    async with _running(world) as reports:
        world.spool.rename(world.home.root / "old spool")
        await reports.receive()
        ident = drop_file(world.home, GOOD, "ours", ".toml")
        assert (await _accepted(reports)).accepted == (ident,)
