"""A kill at any point of a restore leaves the old queue or the new one, each with its own log."""

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.store import entrance, migrate
from orchestrator.store.lost import lost_queue
from orchestrator.store.sqlite import connect_reader
from orchestrator.store.swap import carry_through
from tests.store import children
from tests.store.making import START, names, new_id, new_job, open_queue
from tests.store.swapping import swap

OLD, NEW = [new_id(1), new_id(2)], [new_id(9)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home whose queue has a job in its file and another one only in its log."""
    (tmp_path / "live").mkdir()
    home = Home(tmp_path / "home")
    home.backups.mkdir(parents=True)
    home.archive.mkdir()
    (home.archive / OLD[0]).mkdir()
    with closing(open_queue(tmp_path / "live")) as conn:
        entrance.accept(conn, new_job(1), START)
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        entrance.accept(conn, new_job(2), START)
        for path in (tmp_path / "live").iterdir():
            shutil.copyfile(path, home.state / path.name)  # as a kill leaves it
    return home


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a copy of another queue."""
    (tmp_path / "new").mkdir()
    with closing(open_queue(tmp_path / "new")) as conn:
        entrance.accept(conn, new_job(9), START)
        migrate.backup(conn, tmp_path / "copy.db")
    return tmp_path / "copy.db"


def jobs(queue: Path) -> list[str]:
    """Return the jobs of a queue that is whole."""
    with closing(connect_reader(queue)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return [row[0] for row in conn.execute("SELECT id FROM job ORDER BY seq").fetchall()]


def test_the_old_queue_goes_aside_with_its_log(home: Home, copy: Path) -> None:
    """Its log would be replayed into the new queue, or the last jobs of the old one be lost."""
    assert carry_through(home) is None
    aside = swap(home, copy)
    assert aside is not None
    assert (jobs(home.database), jobs(aside)) == (NEW, OLD)
    assert "restored.db" not in names(home.state)


def test_nothing_that_was_set_aside_is_overwritten(home: Home, copy: Path) -> None:
    """Two restores in a row would leave only the second of the queues they replaced."""
    first = swap(home, copy)
    second = swap(home, copy)
    assert first is not None
    assert second is not None
    assert (jobs(first), jobs(second)) == (OLD, NEW)


def test_there_may_be_no_old_queue(home: Home, copy: Path) -> None:
    """A queue that somebody has moved away already could not be replaced."""
    for path in home.state.glob("queue.db*"):
        path.unlink()
    assert lost_queue(home) is not None
    assert swap(home, copy) is None
    assert jobs(home.database) == NEW
    assert lost_queue(home) is None


STRACE = ["strace", "-f", "-qq", "-e"]


def swap_under(home: Home, copy: Path, *strace: str) -> str:
    """Swap under strace, in a process of its own; return what strace says."""
    trace = home.root.with_suffix(".trace")
    program = [sys.executable, "-m", "tests.store.swapping", str(home.root), str(copy)]
    subprocess.run(
        [*STRACE, *strace, "-o", str(trace), *program],
        check=False,
        timeout=60,
        env=children.environment(),
        capture_output=True,
    )
    return trace.read_text()


def sweep(home: Home, copy: Path, call: str, harm: str) -> list[str]:
    """Harm a swap at each of a system call; return which queue was in place after each."""
    scratch = home.root.with_name("scratch")
    shutil.copytree(home.root, scratch / "unharmed")
    calls = swap_under(Home(scratch / "unharmed"), copy, f"trace={call}").count(f"{call}(")
    found = []
    for when in range(1, calls + 1):
        harmed = Home(scratch / f"{call}-{when}")
        shutil.copytree(home.root, harmed.root)
        trace = swap_under(harmed, copy, f"inject={call}:{harm}:when={when}")
        assert "INJECTED" in trace or "SIGKILL" in trace
        if not harmed.restored.exists() and jobs(harmed.database) == OLD:
            found.append("old")
            assert names(harmed.backups) == []
        else:
            found.append("new" if not harmed.restored.exists() else "decided")
            aside = carry_through(harmed) or next(harmed.backups.glob("*.db"))
            assert (jobs(harmed.database), jobs(aside)) == (NEW, OLD), f"{call} {when}"
        swap(harmed, copy)  # whoever tries again, gets through
        assert jobs(harmed.database) == NEW
        assert [name for name in names(harmed.state) if "restored" in name] == []
        shutil.rmtree(harmed.root)
    return found


@children.needs_strace
@pytest.mark.parametrize(
    ("call", "harm", "left"),
    [
        ("rename", "signal=SIGKILL", {"old"}),
        ("renameat2", "signal=SIGKILL", {"decided"}),
        ("fsync", "signal=SIGKILL", {"old", "decided", "new"}),
    ],
)
def test_a_swap_harmed_anywhere_leaves_the_old_queue_or_the_new(
    home: Home, copy: Path, call: str, harm: str, left: set[str]
) -> None:
    """A power cut during a restore would leave no queue, or half of two."""
    assert set(sweep(home, copy, call, harm)) == left


@pytest.mark.long
@pytest.mark.timeout(1800)
@children.needs_strace
@pytest.mark.parametrize("harm", ["signal=SIGKILL", "error=EIO", "error=ENOSPC"])
@pytest.mark.parametrize("call", ["openat", "pwrite64", "unlink", "rename", "renameat2", "fsync"])
def test_a_swap_harmed_at_every_call(home: Home, copy: Path, call: str, harm: str) -> None:
    """Otherwise the points of the everyday sweep might be the lucky ones."""
    assert "old" in sweep(home, copy, call, harm)
