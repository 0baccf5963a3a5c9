"""Hints: what came by a rename, what was written, and when hints were lost."""

import resource
from pathlib import Path

import anyio

from orchestrator.spool import Watch


async def test_a_rename_and_a_write_are_told_apart(tmp_path: Path) -> None:
    """What is written in place would be taken at once, or what is renamed only after seconds."""
    spool = tmp_path / "spool"
    spool.mkdir()
    with Watch(spool) as watch:
        (tmp_path / "a").touch()
        (tmp_path / "a").rename(spool / "a")
        (spool / "b").write_text("x")
        (spool / "c").mkdir()
        (tmp_path / "d").touch()
        (tmp_path / "d").rename(spool / "d")
        (spool / "d").write_text("touched again")
        with anyio.fail_after(60):
            await watch.changed()
        hints = watch.read()
        assert hints.renamed == {b"a"}
        assert hints.written == {b"b", b"c", b"d"}
        assert (hints.overflow, hints.gone) == (False, False)
        assert watch.read().renamed == frozenset()


def test_lost_hints_are_noticed(tmp_path: Path) -> None:
    """Of very many drops at once some would lie there unseen."""
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with Watch(tmp_path) as watch:
        for number in range(most // 2 + 1):  # made and closed: two events each
            (tmp_path / f"{number % 2}").unlink(missing_ok=True)
            (tmp_path / f"{number % 2}").touch()
        assert watch.read().overflow


def test_a_spool_that_is_moved_away_is_noticed(tmp_path: Path) -> None:
    """The daemon would watch a folder into which nobody drops any more."""
    spool = tmp_path / "spool"
    spool.mkdir()
    with Watch(spool) as watch:
        spool.rename(tmp_path / "elsewhere")
        assert watch.read().gone


async def test_without_a_watch_to_spare_it_is_only_deaf(tmp_path: Path) -> None:
    """The daemon would not start because an editor has used up the user's watches."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        watch = Watch(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    with watch, anyio.move_on_after(0) as patience:
        (tmp_path / "a").touch()
        assert watch.read().written == frozenset()
        await watch.changed()
    assert patience.cancelled_caught
