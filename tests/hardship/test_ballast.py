"""The ballast by itself, on a real small disk."""

import anyio
import anyio.lowlevel
import pytest
import structlog
from structlog.testing import capture_logs

from orchestrator.config.home import Home
from orchestrator.config.room import Room
from orchestrator.daemon import ballast as room_watch
from orchestrator.daemon.ballast import Ballast, watch_room
from tests.hardship.conftest import MakeDisk
from tests.hardship.disk import MIB, Disk

pytestmark = pytest.mark.needs("root", "mount")

SIZE = 3 * MIB  # a sixteenth of the disk


def _home(disk: Disk) -> Home:
    home = Home(disk.root)
    home.state.mkdir()
    return home


def test_it_is_made_only_with_as_much_room_beside_it(disk_of: MakeDisk) -> None:
    """Making it anew would fill the disk that it is there to keep from being full."""
    disk = disk_of("tmpfs")
    home = _home(disk)
    ballast = Ballast(home)
    assert ballast.size == SIZE
    disk.fill(leave=2 * SIZE - MIB)
    assert not ballast.make()
    assert not home.ballast.exists()
    disk.clear()
    disk.fill(leave=2 * SIZE + MIB)
    assert ballast.make()
    assert ballast.is_there
    assert SIZE <= disk.free() <= SIZE + MIB
    assert ballast.let_go()
    assert disk.free() >= 2 * SIZE
    assert not ballast.let_go()


def test_half_of_one_is_made_whole(disk_of: MakeDisk) -> None:
    """A daemon that was killed while it made one would believe for ever to have one."""
    home = _home(disk_of("tmpfs"))
    ballast = Ballast(home)
    for half in (b"", bytes(SIZE - 1), bytes(SIZE + 1)):
        home.ballast.write_bytes(half)
        assert not ballast.is_there
    assert ballast.make()
    assert home.ballast.stat().st_blocks * 512 == SIZE, "it takes up no room"


async def test_it_follows_the_room_there_is(
    disk_of: MakeDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk would be full for good, or the ballast be gone when it is needed again."""
    monkeypatch.setattr(room_watch, "LOOK_EVERY", 0.0)
    disk = disk_of("tmpfs")
    home = _home(disk)
    kept, poked = 8 * MIB, anyio.Event()

    def room() -> Room:
        return Room(free=disk.free(), kept=kept, total=48 * MIB)

    with capture_logs() as said:

        async def heard(lines: int) -> None:
            with anyio.fail_after(30):
                while len(said) < lines:
                    await anyio.lowlevel.checkpoint()

        async with anyio.create_task_group() as group:
            group.start_soon(watch_room, home, room, structlog.get_logger(), poked.set)
            await heard(1)
            disk.fill()
            await heard(3)
            assert not poked.is_set()
            disk.clear()
            await heard(5)
            assert poked.is_set()
            group.cancel_scope.cancel()
    assert [line["event"] for line in said] == [
        "the ballast is made",
        "the disk is full: the ballast is let go",
        "nothing new is begun",
        "the ballast is made",
        "there is room on the disk again",
    ]
