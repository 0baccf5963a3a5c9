"""Migrations and backups: what was there before survives whatever happens on the way."""

import os
import shutil
import stat
import subprocess
import sys
from contextlib import closing
from functools import cache
from itertools import count
from pathlib import Path
from typing import NamedTuple

import anyio
import pytest
from anyio.to_thread import run_sync

from orchestrator.core.lifecycle import RunState
from orchestrator.store import audit, entrance, migrate
from orchestrator.store import look as look_at
from orchestrator.store.database import Database, open_database
from orchestrator.store.home import read_home
from orchestrator.store.sqlite import Connection, connect_reader, connect_writer, engine
from tests.store import children
from tests.store.child import add_pair
from tests.store.keeping import ANCHOR, HOME_ID, bring_back, run_script
from tests.store.making import START, ask, names, open_queue
from tests.store.migrating import STEPS, bring_up_to_date

LAST = len(STEPS)
KEPT = (1, 2, 4, 5)  # the schemas of which a queue was kept
JOBS = 23  # of the queue of schema 1 that was kept: one in every situation


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a folder with the queue of schema 1 that was kept when there was no other."""
    return home_of(1, tmp_path)


def home_of(schema: int, folder: Path) -> Path:
    """Put the queue of an old schema into a folder, as a daemon of then left it."""
    (folder / "backups").mkdir()
    bring_back(schema, folder / "queue.db")
    return folder


class Seen(NamedTuple):
    """A database that is whole: its version, its tables, and which columns runs have."""

    version: int
    tables: set[str]
    columns: set[str]


def look(path: Path) -> Seen:
    """Look at a database; see that it is whole, and that what was kept is in it."""
    with closing(connect_reader(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert conn.execute("PRAGMA application_id").fetchone()[0] == migrate.APPLICATION_ID
        version = conn.execute("PRAGMA user_version").fetchone()[0]
        tables = conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall()
        columns = conn.execute("PRAGMA table_info(run)").fetchall()
        assert content(conn) == kept()
    return Seen(version, {row[0] for row in tables}, {row[1] for row in columns})


def content(conn: Connection) -> dict[str, list[tuple[object, ...]]]:
    """Return all rows of the tables of schema 1, as far as it knew their columns."""
    with closing(engine.connect(":memory:", isolation_level=None)) as first:
        migrate.migrate(first, None, STEPS[:1])
        tables = first.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall()
        found = {}
        for (table,) in tables:
            columns = ", ".join(row[1] for row in first.execute(f"PRAGMA table_info({table})"))
            rows = conn.execute(f"SELECT {columns} FROM {table}").fetchall()  # noqa: S608 - ours
            found[table] = sorted(map(tuple, rows), key=repr)
    return found


@cache
def kept() -> dict[str, list[tuple[object, ...]]]:
    """Return the content of the queue of schema 1 as it was kept."""
    with closing(engine.connect(":memory:", isolation_level=None)) as conn:
        run_script(conn, 1)
        rows = content(conn)
    assert len(rows["job"]) == JOBS
    return rows


def test_a_new_queue_gets_every_step(tmp_path: Path) -> None:
    """Otherwise a new home does not work."""
    with closing(open_queue(tmp_path)):
        pass
    assert names(tmp_path) == ["queue.db"], "a backup of nothing"
    with closing(connect_reader(tmp_path / "queue.db")) as conn:
        assert migrate.version(conn) == len(migrate.steps())
        assert set(content(conn)) >= {"home", "job", "input", "run", "step", "history", "request"}


def test_a_new_queue_is_whole_or_not_there(tmp_path: Path) -> None:
    """Otherwise `submit --wait` just after the first start would take the queue for an old one."""
    with closing(connect_writer(tmp_path / "queue.db")) as conn:
        with pytest.raises(engine.OperationalError, match="nowhere"):
            migrate.migrate(conn, tmp_path, [*STEPS, "INSERT INTO nowhere VALUES (1);;"])
        assert migrate.version(conn) == 0
        assert conn.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
        migrate.migrate(conn, tmp_path)
        assert migrate.version(conn) == len(migrate.steps())


def test_nothing_is_done_twice(old: Path) -> None:
    """Otherwise each start would write, and back up, for nothing."""
    before = (old / "queue.db").read_bytes()
    bring_up_to_date(old, 1)
    assert (old / "queue.db").read_bytes() == before
    assert names(old / "backups") == []


def test_steps_are_applied_in_order_after_a_backup(old: Path) -> None:
    """Otherwise an upgrade that goes wrong could not be taken back."""
    for step in range(2, LAST + 1):
        bring_up_to_date(old, step)
    numbers = range(1, LAST)
    assert names(old / "backups") == [f"before-schema-{number + 1}.db" for number in numbers]
    for step in numbers:
        version, tables, columns = look(old / "backups" / f"before-schema-{step + 1}.db")
        assert (version, "one" in tables, "suspect" in columns) == (step, False, step >= 2)
    check_up_to_date(old)


def check_up_to_date(folder: Path) -> None:
    """See that the queue took every step, and has everything in it that was there before."""
    version, _, columns = look(folder / "queue.db")
    assert (version, "suspect" in columns) == (LAST, True)
    with closing(connect_reader(folder / "queue.db")) as conn:
        rows = conn.execute("SELECT a, b FROM one ORDER BY a").fetchall()
        ids = conn.execute("SELECT id FROM request ORDER BY id").fetchall()
        assert conn.execute("SELECT sum(suspect) FROM run").fetchone()[0] == 0
    assert [tuple(row) for row in rows] == [(id_, f"{id_}!") for (id_,) in ids]
    assert rows


@pytest.mark.parametrize("schema", KEPT)
def test_the_steps_lead_from_a_kept_queue_to_the_schema_of_a_new_one(
    tmp_path: Path, schema: int
) -> None:
    """Otherwise an upgraded home would lack a check, an index or a trigger that new ones have."""
    old = home_of(schema, tmp_path)
    bring_up_to_date(old, len(migrate.steps()))
    schemas = []
    (old / "new").mkdir()
    with closing(open_queue(old / "new")):
        pass
    for path in (old / "queue.db", old / "new" / "queue.db"):
        with closing(connect_reader(path)) as conn:
            rows = conn.execute("SELECT type, name, sql FROM sqlite_schema").fetchall()
            schemas.append(sorted(map(tuple, rows), key=repr))
    assert schemas[0] == schemas[1]


@pytest.mark.parametrize("schema", KEPT)
async def test_the_daemon_goes_on_with_every_job_of_a_kept_queue(
    tmp_path: Path, schema: int
) -> None:
    """Otherwise an upgrade would leave jobs that the new program cannot read."""
    old = home_of(schema, tmp_path)
    async with open_database(old / "queue.db", old / "backups") as db:
        row = await db.read(read_home)
        assert row is not None
        assert (row.id, row.anchor) == (HOME_ID, ANCHOR)
        runs = await db.read(lambda conn: conn.execute("SELECT id FROM run").fetchall())
        works = [await db.read(look_at.work, run["id"]) for run in runs]
        assert {work.state for work in works} == set(RunState)
        assert not any(work.suspect for work in works)
        needs = "SELECT count(lease) + sum(in_line) AS needs FROM job"
        assert (await db.read(lambda conn: conn.execute(needs).fetchone()))["needs"] == 0
        held = next(work for work in works if work.state is RunState.UNKNOWN)
        adopted = ask("adopt", held.job, remote_id="found")  # a verb that schema 1 did not know
        assert await db.write(entrance.apply, adopted, START) is None
        for rule in ("live_runs", "run_numbers", "history_chain", "history_end"):
            assert await db.read(audit.broken, rule) == []
        assert await db.read(audit.misshown) == []


def test_a_step_that_fails_is_undone_whole(old: Path) -> None:
    """Otherwise a queue could be left between two schemas, which no program knows."""
    wrong = [*STEPS[: LAST - 1], "CREATE TABLE two (a) ;;\nINSERT INTO nowhere VALUES (1);;"]
    with closing(connect_writer(old / "queue.db")) as conn:
        with pytest.raises(engine.OperationalError, match="nowhere"):
            migrate.migrate(conn, old / "backups", wrong)
        assert not conn.in_transaction
    version, tables, columns = look(old / "queue.db")
    assert (version, "two" in tables, "suspect" in columns) == (LAST - 1, False, True)
    bring_up_to_date(old)
    check_up_to_date(old)


async def test_a_newer_queue_is_left_alone(old: Path) -> None:
    """Otherwise a program that was rolled back would write what the newer one cannot read."""
    bring_up_to_date(old)
    before = (old / "queue.db").read_bytes()
    with pytest.raises(
        migrate.SchemaError, match=rf"has schema {LAST}, this program knows {LAST - 1}: .* newer"
    ):
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
    numbers = count()

    async def write(db: Database) -> None:
        for number in numbers:
            await db.write(add_pair, number)

    async with open_database(tmp_path / "queue.db", tmp_path) as db:
        for target in (tmp_path / "one.db", tmp_path / "other.db"):
            async with anyio.create_task_group() as group:
                group.start_soon(write, db)
                await run_sync(migrate.copy_queue, tmp_path / "queue.db", target)
                group.cancel_scope.cancel()
            whole, halves = pairs(target)
            assert whole == halves, "the copy is of the middle of a transaction"
    (tmp_path / "other.db").replace(tmp_path / "queue.db")  # restored
    async with open_database(tmp_path / "queue.db", tmp_path) as db:
        await db.write(add_pair, 10**9)
    assert pairs(tmp_path / "queue.db")[0] == whole + 1


def pairs(path: Path) -> tuple[int, int]:
    """Return the number of pairs, and of all rows that belong to one, in a queue that is whole."""
    with closing(connect_reader(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        both = "SELECT count(*) FROM request JOIN rejection USING (id)"
        either = "SELECT id FROM request UNION SELECT id FROM rejection"
        whole = conn.execute(both).fetchone()[0]
        return whole, conn.execute(f"SELECT count(*) FROM ({either})").fetchone()[0]  # noqa: S608


def test_a_backup_for_others_replaces_nothing_and_is_ours_alone(old: Path) -> None:
    """Otherwise a slip in the file's name would cost another file, or show jobs to everybody."""
    mask = os.umask(0)
    try:
        migrate.copy_queue(old / "queue.db", old / "new.db", replace=False)
    finally:
        os.umask(mask)
    assert look(old / "new.db").version == 1
    assert stat.S_IMODE((old / "new.db").stat().st_mode) == 0o600
    (old / "mine.db").write_text("mine")
    with pytest.raises(FileExistsError):
        migrate.copy_queue(old / "queue.db", old / "mine.db", replace=False)
    assert (old / "mine.db").read_text() == "mine"
    assert {name for name in names(old) if "part" in name} == set()


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
    assert look(target).version == 1
    assert names(old / "backups") == ["b.db"]


@children.needs_strace
def test_a_backup_is_synced_before_it_has_its_name(old: Path) -> None:
    """Otherwise the power goes, and the only backup is an empty file with the right name."""
    program = [sys.executable, "-m", "tests.store.migrating", str(old)]
    trace = ["strace", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,rename"]
    done = subprocess.run(
        [*trace, *program], check=True, capture_output=True, text=True, env=children.environment()
    )
    lines = done.stderr.splitlines()
    (renamed,) = [n for n, line in enumerate(lines) if "rename(" in line]
    assert "before-schema-2.db.part>" in lines[renamed - 1]
    assert "/backups>)" in lines[renamed + 1]


STRACE = ["strace", "-f", "-qq", "-e"]


def migrate_under(folder: Path, *strace: str, library: str = "chosen") -> str:
    """Migrate the queue of a folder under strace; return what strace says."""
    program = [sys.executable, "-m", "tests.store.migrating", str(folder), library]
    subprocess.run(  # it may end well even where a sync fails: not every one matters
        [*STRACE, *strace, "-o", f"{folder}.trace", *program],
        check=False,
        timeout=60,
        env=children.environment(),
        capture_output=True,
    )
    return Path(f"{folder}.trace").read_text()


def sweep(old: Path, scratch: Path, call: str, *, harm: str, library: str = "chosen") -> int:
    """Harm a migration at the first, second, … of a system call; return how many there were."""
    shutil.copytree(old, scratch / "unharmed")
    calls = migrate_under(scratch / "unharmed", f"trace={call}", library=library).count(f"{call}(")
    check_up_to_date(scratch / "unharmed")
    for when in range(1, calls + 1):
        folder = scratch / f"{call}-{when}"
        shutil.copytree(old, folder)
        trace = migrate_under(folder, f"inject={call}:{harm}:when={when}", library=library)
        assert "INJECTED" in trace or "SIGKILL" in trace
        seen = look(folder / "queue.db")
        steps = ("suspect" in seen.columns, "one" in seen.tables)
        assert steps == (seen.version >= 2, seen.version == LAST), f"{call} {when}"
        for backup in (folder / "backups").glob("*.db"):
            if not backup.name.startswith("."):
                assert look(backup).version < LAST, f"{call} {when}"
        assert seen.version == 1 or (folder / "backups" / "before-schema-2.db").exists()
        bring_up_to_date(folder)
        check_up_to_date(folder)
        assert not [name for name in names(folder / "backups") if "part" in name], f"{call} {when}"
        shutil.rmtree(folder)
    return calls


HARM = {"kill": "signal=SIGKILL", "disk fails": "error=EIO", "disk full": "error=ENOSPC"}


@children.needs_strace
@pytest.mark.parametrize(
    ("call", "harm", "fewest"),
    [
        ("fsync", "kill", 6),
        ("rename", "kill", 1),
        ("unlink", "kill", 1),
    ],
)
def test_a_migration_harmed_anywhere_goes_on(
    old: Path, tmp_path_factory: pytest.TempPathFactory, call: str, harm: str, fewest: int
) -> None:
    """Otherwise a power cut or a bad disk during an upgrade would cost the queue."""
    points = sweep(old, tmp_path_factory.mktemp("sweep"), call, harm=HARM[harm])
    assert points >= fewest, "the sweep harmed nothing"


@pytest.mark.long
@pytest.mark.timeout(3600)
@children.needs_strace
@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("library", children.ENGINES)
@pytest.mark.parametrize("call", ["fsync", "fdatasync", "pwrite64", "ftruncate", "openat"])
def test_a_migration_harmed_at_every_call_goes_on(
    old: Path, tmp_path_factory: pytest.TempPathFactory, call: str, library: str, harm: str
) -> None:
    """Otherwise the points of the everyday sweep might be the lucky ones."""
    sweep(old, tmp_path_factory.mktemp("sweep"), call, harm=HARM[harm], library=library)
