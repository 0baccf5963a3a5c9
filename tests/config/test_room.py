"""How much of a disk stays free, and when that stops new work."""

from pathlib import Path

from orchestrator.config.room import LARGEST_SHARE, Room, room_at


def test_no_more_than_a_share_of_the_disk_is_kept_free(tmp_path: Path) -> None:
    """On a small disk, or with a slip in the configuration, nothing would ever run."""
    room = room_at(tmp_path, 1 << 80)
    assert room.kept == room.total // LARGEST_SHARE
    assert room_at(tmp_path, 1).kept == 1


def test_too_little_room_is_said_with_both_figures() -> None:
    """New jobs would wait, and nobody know how much is to be cleared away."""
    kept = Room(free=2_999_999, kept=3_000_000, total=8 << 20)
    assert kept.short == "room on the disk: 3.0 MB are free, 3.0 MB are needed"
    assert Room(free=3_000_000, kept=3_000_000, total=8 << 20).short is None
    ballast = Room(free=500, kept=0, total=16_000)
    assert ballast.short == "room on the disk: 0 kB are free, 1 kB are needed"
    assert ballast.is_full
