"""Migrations and backups: what was there before survives whatever happens on the way."""

import shutil
import subprocess
import sys
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from orchestrator.store import migrate
from orchestrator.store.database import open_database
from orchestrator.store.sqlite import connect_reader, connect_writer, engine
from tests.store import children
from tests.store.child import add_pair
from tests.store.making import names, open_queue
from tests.store.migrating import STEPS, bring_up_to_date

PAIRS = 40


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with a queue of schema 1 that holds something."""
    (tmp_path / "backups").mkdir()
    bring_up_to_date(tmp_path, 1)
    with closing(connect_writer(tmp_path / "queue.db")) as conn:
        conn.execute("BEGIN")
        for number in range(PAIRS):
            add_pair(conn, number)
        conn.execute("COMMIT")
    return tmp_path


def look(path: Path) -> tuple[int, list[str], int]:
    """Return version, tables and number of pairs of a database; see that it is whole."""
    with closing(connect_reader(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert conn.execute("PRAGMA application_id").fetchone()[0] == migrate.APPLICATION_ID
        version = conn.execute("PRAGMA user_version").fetchone()[0]
        tables = conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        pairs = conn.execute("SELECT count(*) FROM request JOIN rejection USING (id)").fetchone()[0]
    return version, [row[0] for row in tables], pairs


def test_a_new_queue_gets_every_step(tmp_path: Path) -> None:
    """Otherwise a new home does not work."""
    with closing(open_queue(tmp_path)):
        pass
    assert names(tmp_path) == ["queue.db"], "a backup of nothing"
    version, tables, _ = look(tmp_path / "queue.db")
    assert version == len(migrate.steps())
    assert {"home", "job", "input", "run", "step", "history", "request"} <= set(tables)


def test_nothing_is_done_twice(old: Path) -> None:
    """Otherwise each start would write, and back up, for nothing."""
    before = (old / "queue.db").read_bytes()
    bring_up_to_date(old, 1)
    assert (old / "queue.db").read_bytes() == before
    assert names(old / "backups") == []


def test_steps_are_applied_in_order_after_a_backup(old: Path) -> None:
    """Otherwise an upgrade that goes wrong could not be taken back."""
    bring_up_to_date(old, 2)
    bring_up_to_date(old, 3)
    assert names(old / "backups") == ["before-schema-2.db", "before-schema-3.db"]
    for step in (1, 2):
        version, tables, pairs = look(old / "backups" / f"before-schema-{step + 1}.db")
        assert (version, "one" in tables, pairs) == (step, step == 2, PAIRS)
    check_up_to_date(old)


def check_up_to_date(folder: Path) -> None:
    """See that the queue has schema 3, and everything in it that was there before."""
    version, _, pairs = look(folder / "queue.db")
    assert (version, pairs) == (3, PAIRS)
    with closing(connect_reader(folder / "queue.db")) as conn:
        rows = conn.execute("SELECT a, b FROM one ORDER BY a").fetchall()
    assert [tuple(row) for row in rows] == [(f"{n:012d}", f"{n:012d}!") for n in range(PAIRS)]


def test_a_step_that_fails_is_undone_whole(old: Path) -> None:
    """Otherwise a queue could be left between two schemas, which no program knows."""
    wrong = [*STEPS[:2], "CREATE TABLE two (a) ;;\nINSERT INTO nowhere VALUES (1);;"]
    with closing(connect_writer(old / "queue.db")) as conn:
        with pytest.raises(engine.OperationalError, match="nowhere"):
            migrate.migrate(conn, old / "backups", wrong)
        assert not conn.in_transaction
    version, tables, pairs = look(old / "queue.db")
    assert (version, "one" in tables, "two" in tables, pairs) == (2, True, False, PAIRS)
    bring_up_to_date(old)
    check_up_to_date(old)


async def test_a_newer_queue_is_left_alone(old: Path) -> None:
    """Otherwise a program that was rolled back would write what the newer one cannot read."""
    bring_up_to_date(old)
    before = (old / "queue.db").read_bytes()
    with pytest.raises(migrate.SchemaError, match=r"has schema 3, this program knows 1: .* newer"):
        async with open_database(old / "queue.db", old / "backups"):
            pytest.fail("it opened")
    assert (old / "queue.db").read_bytes() == before


@pytest.mark.parametrize(
    "setup",
    ["PRAGMA application_id = 7", "CREATE TABLE theirs (x)", "PRAGMA user_version = 1"],
)
async def test_another_programs_database_is_left_alone(tmp_path: Path, setup: str) -> None:
    """Otherwise a wrong --home would destroy something that is not ours: not a byte changes."""
    path = tmp_path / "queue.db"
    with closing(engine.connect(path, isolation_level=None)) as conn:
        conn.execute(setup)
    before = path.read_bytes()
    with pytest.raises(migrate.SchemaError, match="another program"):
        async with open_database(path, tmp_path):
            pytest.fail("it opened")
    assert path.read_bytes() == before
    assert names(tmp_path) == ["queue.db"]


async def test_a_backup_is_whole_while_others_write(tmp_path: Path) -> None:
    """Otherwise a copy made in the middle of work could not be restored."""
    async with open_database(tmp_path / "queue.db", tmp_path) as db:
        for number in range(3):
            await db.write(add_pair, number)
        await db.read(migrate.copy, tmp_path / "copy.db")
        await db.write(add_pair, 3)
        migrate.keep_copy(tmp_path / "copy.db")
        await db.write(add_pair, 4)
    assert look(tmp_path / "copy.db")[2] == 3
    (tmp_path / "copy.db").replace(tmp_path / "queue.db")  # restored
    async with open_database(tmp_path / "queue.db", tmp_path) as db:
        await db.write(add_pair, 3)
    assert look(tmp_path / "queue.db")[2] == 4


@pytest.mark.parametrize("damage", ["cut", "noise", "emptied", "overwritten"])
def test_a_bad_copy_never_becomes_a_backup(old: Path, damage: str) -> None:
    """Otherwise the one good backup would be replaced by one that cannot be restored."""
    target = old / "backups" / "good.db"
    part = target.with_name(".good.db.part")
    with closing(connect_writer(old / "queue.db")) as conn:
        migrate.backup(conn, target)
        good = target.read_bytes()
        migrate.copy(conn, target)
        harmed = {
            "cut": good[:8192],
            "noise": b"noise" * 999,
            "emptied": good[:4096] + bytes(len(good) - 4096),
            "overwritten": good[:8192] + b"\xff" * 4096 + good[12288:],
        }
        part.write_bytes(harmed[damage])
        with pytest.raises(migrate.SchemaError, match="failed its check"):
            migrate.keep_copy(target)
    assert target.read_bytes() == good
    assert names(old / "backups") == ["good.db"]


def test_what_a_killed_backup_left_does_not_spoil_the_next(old: Path) -> None:
    """Otherwise SQLite would roll an old journal into the new copy."""
    target = old / "backups" / "b.db"
    for left in (".b.db.part", ".b.db.part-journal"):
        (old / "backups" / left).write_bytes(b"\xd9\xd5\x05\xf9 left by a kill")
    with closing(connect_writer(old / "queue.db")) as conn:
        migrate.backup(conn, target)
    assert look(target)[2] == PAIRS
    assert names(old / "backups") == ["b.db"]


def sweep(old: Path, scratch: Path, call: str, *, library: str) -> int:
    """Kill a migration at the first, second, … of a system call; return how many there were."""
    for when in count(1):
        folder = scratch / f"{call}-{when}"
        shutil.copytree(old, folder)
        harm = ["strace", "-f", "-qq", "-o", "/dev/null"]
        harm += ["-e", f"inject={call}:signal=SIGKILL:when={when}"]
        program = [sys.executable, "-m", "tests.store.migrating", str(folder), library]
        done = subprocess.run(
            [*harm, *program], check=False, timeout=60, env=children.environment()
        )
        killed = done.returncode != 0
        version, tables, pairs = look(folder / "queue.db")
        assert (version, "one" in tables, pairs) in {
            (1, False, PAIRS),
            (2, True, PAIRS),
            (3, True, PAIRS),
        }, f"{call} {when}"
        for backup in (folder / "backups").glob("*.db"):
            if not backup.name.startswith("."):
                assert look(backup)[2] == PAIRS, f"{call} {when}"
        assert version == 1 or (folder / "backups" / "before-schema-2.db").exists()
        bring_up_to_date(folder)
        check_up_to_date(folder)
        assert not [name for name in names(folder / "backups") if "part" in name], f"{call} {when}"
        shutil.rmtree(folder)
        if not killed:
            return when - 1
    raise AssertionError


@children.needs_strace
@pytest.mark.parametrize("call", ["fsync", "rename", "unlink"])
def test_a_migration_killed_anywhere_goes_on(
    old: Path, tmp_path_factory: pytest.TempPathFactory, call: str
) -> None:
    """Otherwise a power cut during an upgrade would cost the queue."""
    points = sweep(old, tmp_path_factory.mktemp("sweep"), call, library="chosen")
    assert points >= {"fsync": 6, "rename": 1, "unlink": 1}[call], "the sweep killed nothing"


@pytest.mark.long
@pytest.mark.timeout(1800)
@children.needs_strace
@pytest.mark.parametrize("library", children.ENGINES)
@pytest.mark.parametrize("call", ["fsync", "fdatasync", "pwrite64", "ftruncate", "openat"])
def test_a_migration_killed_at_every_call_goes_on(
    old: Path, tmp_path_factory: pytest.TempPathFactory, call: str, library: str
) -> None:
    """Otherwise the points of the everyday sweep might be the lucky ones."""
    sweep(old, tmp_path_factory.mktemp("sweep"), call, library=library)
