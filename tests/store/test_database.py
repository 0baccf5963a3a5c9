"""The one writing connection: group commit, failures, durability, ends of the process."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from importlib.util import find_spec
from pathlib import Path

import anyio
import pytest

from orchestrator.core.faults import DiskFullError, FatalStorageError, StaleError
from orchestrator.store import sqlite
from orchestrator.store.database import Database, checkpoint, open_database
from orchestrator.store.migrate import SchemaError
from orchestrator.store.sqlite import Connection, connect_reader, engine
from tests.smalldisk import run_on_small_disk
from tests.store import children
from tests.store.child import add_large, add_pair
from tests.store.children import needs_strace
from tests.store.making import names


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    """Return an open queue on a real disk."""
    async with open_database(tmp_path / "queue.db", tmp_path) as db:
        yield db


def ids(conn: Connection) -> set[int]:
    """Return the numbers of the pairs that are there, and see that none is half."""
    pairs = [
        {int(row[0]) for row in conn.execute(f"SELECT id FROM {table}").fetchall()}  # noqa: S608
        for table in ("request", "rejection")
    ]
    assert pairs[0] == pairs[1]
    return pairs[0]


async def test_many_writes_share_few_commits(db: Database) -> None:
    """Otherwise a burst of jobs would cost one sync of the disk for each small write."""
    seen: list[str] = []
    db._conn.set_trace_callback(seen.append)
    await asyncio.gather(*[db.write(add_pair, number) for number in range(200)])
    assert seen.count("COMMIT") == 1
    await asyncio.gather(*[db.write(add_pair, number) for number in range(200, 400)])
    assert seen.count("COMMIT") == 2
    assert await db.read(ids) == set(range(400))


async def test_a_write_is_acknowledged_after_its_commit(db: Database) -> None:
    """Otherwise a submit could leave the machine before its intent is on the disk."""
    seen: list[str] = []
    db._conn.set_trace_callback(seen.append)
    await db.write(add_pair, 1)
    assert seen[0] == "BEGIN IMMEDIATE"
    assert seen[-1] == "COMMIT"


def fail(conn: Connection, number: int, error: Exception) -> None:
    """Write, and fail afterwards."""
    add_pair(conn, number)
    raise error


@pytest.mark.parametrize(
    "error", [ValueError("mine"), StaleError("changed"), MemoryError("mine"), OSError(28, "mine")]
)
async def test_a_unit_that_fails_is_undone_alone(db: Database, error: Exception) -> None:
    """Otherwise one stale write would throw away what others have written."""
    outcomes = await asyncio.gather(
        db.write(add_pair, 1),
        db.write(fail, 2, error),
        db.write(add_pair, 3),
        return_exceptions=True,
    )
    assert list(outcomes) == [None, error, None]
    assert await db.read(ids) == {1, 3}


async def test_a_mistake_in_sql_is_the_units_own(db: Database) -> None:
    """Otherwise a fault in one rare path would end the daemon, again and again."""

    def mistaken(conn: Connection) -> None:
        add_pair(conn, 2)
        conn.execute("SELECT no_such_column FROM job")

    def twice(conn: Connection) -> None:
        add_pair(conn, 3)
        add_pair(conn, 3)

    outcomes = await asyncio.gather(
        db.write(add_pair, 1), db.write(mistaken), db.write(twice), return_exceptions=True
    )
    assert [type(it) for it in outcomes] == [
        type(None),
        engine.OperationalError,
        engine.IntegrityError,
    ]
    with pytest.raises(engine.OperationalError, match="no_such_column"):
        await db.read(lambda conn: conn.execute("SELECT no_such_column FROM job"))
    assert await db.read(ids) == {1}


async def test_stop_iteration_reaches_the_caller(db: Database) -> None:
    """Otherwise a bare next() in a query would hang the daemon: no future carries it."""

    def leak(conn: Connection) -> object:
        return next(iter(conn.execute("SELECT 1 WHERE 0")))

    with anyio.fail_after(60):
        with pytest.raises(RuntimeError, match="StopIteration"):
            await db.write(leak)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await db.read(leak)
        await db.write(add_pair, 1)


def wait_for(_: Connection, gate: threading.Event) -> None:
    """Keep the database thread busy until the gate is opened."""
    gate.wait(60)


async def test_a_cancelled_callers_unit_takes_effect(db: Database) -> None:
    """Otherwise a shutdown could undo one write of a group, or leave its transaction open."""
    gate = threading.Event()

    def slow(conn: Connection) -> None:
        add_pair(conn, 1)
        gate.wait(60)

    async with anyio.create_task_group() as group:
        group.start_soon(db.write, slow)
        await anyio.lowlevel.checkpoint()
        group.start_soon(db.write, add_pair, 2)
        await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    gate.set()
    with anyio.fail_after(60):
        await db.write(add_pair, 3)
    assert await db.read(ids) == {1, 2, 3}


async def test_the_end_waits_for_units_of_callers_that_are_gone(tmp_path: Path) -> None:
    """Otherwise the last words before a shutdown would be dropped, after they were handed in."""
    with anyio.CancelScope() as scope:
        async with open_database(tmp_path / "queue.db", tmp_path) as db:
            gate = threading.Event()
            callers = [asyncio.create_task(db.write(wait_for, gate))]
            await anyio.lowlevel.checkpoint()
            callers += [asyncio.create_task(db.write(add_pair, number)) for number in range(50)]
            await anyio.lowlevel.checkpoint()  # they wait behind the first
            scope.cancel()
            gate.set()
            await anyio.lowlevel.checkpoint()
    conn = connect_reader(tmp_path / "queue.db")
    assert ids(conn) == set(range(50))
    conn.close()
    assert all(caller.done() for caller in callers)


async def test_a_cancellation_does_not_break_off_the_close(tmp_path: Path) -> None:
    """Otherwise the lock is let go while the thread still writes: two writers on one queue."""
    before = set(threading.enumerate())
    with anyio.CancelScope() as scope:
        async with open_database(tmp_path / "queue.db", tmp_path):
            scope.cancel()
            await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    for thread in set(threading.enumerate()) - before:
        if "AnyIO" not in thread.name:  # anyio keeps its own for a while
            thread.join(10)
            assert not thread.is_alive()
    assert names(tmp_path) == ["queue.db"]  # closed: no log is left


async def test_no_space_refuses_all_and_the_next_write_works(db: Database) -> None:
    """Otherwise a full disk would end the daemon, or half of a group would be written."""
    await db.write(add_pair, 1)
    pages = await db.read(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0])
    await db.read(lambda conn: conn.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone()[0])
    outcomes = await asyncio.gather(
        db.write(add_pair, 2),
        db.write(add_large, 3, 1_000_000),
        db.write(add_pair, 4),
        return_exceptions=True,
    )
    assert [type(outcome) for outcome in outcomes] == [DiskFullError] * 3
    assert await db.read(ids) == {1}
    await db.read(lambda conn: conn.execute("PRAGMA max_page_count = 4294967294").fetchone()[0])
    await db.write(add_pair, 5)
    assert await db.read(ids) == {1, 5}


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """Otherwise the above is true only of a limit that SQLite sets itself."""
    run_on_small_disk(tmp_path, "tests.store.full_queue", size="5m")


@needs_strace
@pytest.mark.parametrize("sqlite_of", children.ENGINES)
@pytest.mark.parametrize("when", [3, 6])
def test_a_failed_sync_ends_all_writing(tmp_path: Path, sqlite_of: str, when: int) -> None:
    """Otherwise the daemon would go on over pages that the kernel has dropped."""
    wal = tmp_path / "queue.db-wal"
    done = children.run(
        "write_until_fatal",
        tmp_path,
        engine=sqlite_of,
        inject=f"fsync,fdatasync:error=EIO:when={when}",
        path=wal,
    )
    *acknowledged, fatal, refused, refused_too = done.stdout.splitlines()
    assert acknowledged == [str(number) for number in range(len(acknowledged))]
    assert fatal.startswith("fatal the queue's database cannot be read or written: disk I/O error")
    assert (refused, refused_too) == ("refused", "refused")
    conn = connect_reader(tmp_path / "queue.db")
    assert {int(word) for word in acknowledged} <= ids(conn) <= set(range(len(acknowledged) + 1))
    conn.close()


async def test_durability_is_in_force(db: Database, tmp_path: Path) -> None:
    """Otherwise every acknowledged write since the last checkpoint is lost with the power."""

    def settings(conn: Connection) -> dict[str, object]:
        names = ("synchronous", "journal_mode", "foreign_keys", "trusted_schema", "mmap_size")
        return {name: conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names}

    expected = {"journal_mode": "wal", "foreign_keys": 1, "trusted_schema": 0, "mmap_size": 0}
    assert await db.read(settings) == {"synchronous": 2} | expected
    reader = connect_reader(tmp_path / "queue.db")
    assert expected.items() <= settings(reader).items()
    reader.close()


@pytest.mark.skipif(find_spec("pysqlite3") is None, reason="no wheel of pysqlite3 here")
def test_the_library_is_one_without_the_wal_reset_bug() -> None:
    """Otherwise two connections that meet could corrupt the queue."""
    assert sqlite.engine.sqlite_version_info >= sqlite.FIXED


def test_without_a_better_library_the_interpreters_own_serves(tmp_path: Path) -> None:
    """Otherwise the daemon would not start where there is no wheel of pysqlite3."""
    done = children.run("which_sqlite", tmp_path, engine="builtin")
    assert done.stdout.strip() == sqlite3.sqlite_version, done.stderr


async def test_a_reader_sees_what_is_committed_and_cannot_write(
    db: Database, tmp_path: Path
) -> None:
    """Otherwise `status` would fail beside the daemon, or could harm the queue."""
    await db.write(add_pair, 1)
    reader = connect_reader(tmp_path / "queue.db")
    assert ids(reader) == {1}
    await db.write(add_pair, 2)
    assert ids(reader) == {1, 2}
    for statement in ("DELETE FROM request", "PRAGMA user_version = 9", "CREATE TABLE x (y)"):
        with pytest.raises(engine.OperationalError, match="readonly"):
            reader.execute(statement)
    await db.read(checkpoint)
    reader.close()
    await db.write(add_pair, 3)


@pytest.mark.parametrize("sqlite_of", children.ENGINES)
def test_kill_loses_no_acknowledged_write(tmp_path: Path, sqlite_of: str) -> None:
    """Otherwise an accepted job could vanish with a kill -9. What is left is whole, and readable.

    Killed six times in a row in the middle of many writes, each time with the log of the last.
    """
    acknowledged: set[int] = set()
    for words in (1, 7, 40, 200, 3, 90):
        with children.start("write_for_ever", tmp_path, engine=sqlite_of) as child:
            assert child.stdout is not None
            acknowledged |= {int(child.stdout.readline()) for _ in range(words)}
            child.kill()
            acknowledged |= {int(word) for word in child.stdout if word.endswith("\n")}
        files = {path: path.read_bytes() for path in tmp_path.glob("queue.db*")}
        reader = connect_reader(tmp_path / "queue.db")  # the daemon is down
        assert acknowledged <= ids(reader)
        assert reader.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        reader.close()
        for name in ("queue.db", "queue.db-wal"):
            assert files[tmp_path / name] == (tmp_path / name).read_bytes(), "a reader wrote"


@pytest.mark.parametrize("sqlite_of", children.ENGINES)
def test_an_exception_ends_the_process(tmp_path: Path, sqlite_of: str) -> None:
    """Otherwise a fault leaves a process that hangs for ever, and systemd never restarts it."""
    done = children.run("raise_in_the_middle", tmp_path, engine=sqlite_of)
    assert done.returncode == 1
    assert "RuntimeError: in the middle" in done.stderr
    assert "Event loop is closed" not in done.stderr
    conn = connect_reader(tmp_path / "queue.db")
    assert ids(conn) == {1, 2}
    conn.close()


async def test_damage_is_found_at_the_start(tmp_path: Path) -> None:
    """Otherwise the daemon would work on with noise, or be restarted over it for ever."""
    path = tmp_path / "queue.db"
    async with open_database(path, tmp_path) as db:
        await asyncio.gather(*[db.write(add_pair, number) for number in range(50)])
    good = path.read_bytes()
    for damaged in (b"noise" * 1000, good[:40960] + b"\xff" * 4096 + good[45056:], good[:50_000]):
        path.write_bytes(damaged)
        with pytest.raises(SchemaError, match=r"is damaged: .*`orchestrator restore`"):
            async with open_database(path, tmp_path):
                pytest.fail("it opened")
        assert path.read_bytes() == damaged


@pytest.mark.parametrize("way", ["read", "write"])
async def test_damage_that_shows_later_is_fatal(tmp_path: Path, way: str) -> None:
    """Otherwise a damaged page is taken for the fault of the job that happened to be on it."""
    path = tmp_path / "queue.db"
    async with open_database(path, tmp_path) as db:
        await asyncio.gather(*[db.write(add_pair, number) for number in range(50)])
        await db.read(checkpoint)
        await db.read(lambda conn: conn.execute("PRAGMA shrink_memory"))
        with path.open("r+b") as file:
            file.seek(4096 * 10)
            file.write(b"\xff" * (path.stat().st_size - 4096 * 10))
        with pytest.raises(FatalStorageError, match="malformed"):
            await getattr(db, way)(ids)
        with pytest.raises(FatalStorageError, match="malformed"):
            await db.write(add_large, 51, 1)


async def test_a_file_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    """Otherwise a wrong path ends in a traceback."""
    with pytest.raises(FatalStorageError, match=r"queue.db cannot be opened: unable to open"):
        async with open_database(tmp_path / "nowhere" / "queue.db", tmp_path):
            pytest.fail("it opened")
