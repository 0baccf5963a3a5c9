"""`backup` and `restore`, and what is said of a queue that cannot be used."""

import json
import os
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator import cli
from orchestrator.config import load
from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Outcome
from orchestrator.daemon import entry
from orchestrator.daemon.restore import Restored
from orchestrator.daemon.restore import restore as put_back
from orchestrator.registry import kinds
from orchestrator.spool import write_reason
from orchestrator.store import migrate
from orchestrator.store.lock import hold
from orchestrator.store.sqlite import connect_reader
from tests import leased
from tests.cli.bench import Bench, Run
from tests.store.keeping import bring_back

OTHER = "zzzzzzzzzzzz"
Say = Callable[..., tuple[int, str]]


@pytest.fixture
def say(home: Home, capfd: pytest.CaptureFixture[str]) -> Iterator[Say]:
    """Return a way to run a command in this process: its exit code, and what it printed."""
    mask = os.umask(0o077)  # `serve` sets it for its process, which here goes on with other tests
    os.umask(mask)

    def run(*arguments: object) -> tuple[int, str]:
        code = cli.run(["--home", str(home.root), *map(str, arguments)])
        printed = capfd.readouterr()
        return code, printed.out + printed.err

    yield run
    os.umask(mask)


def backup(bench: Bench, name: str = "copy.db") -> Path:
    """Write a copy of the queue into the home."""
    migrate.copy_queue(bench.home.database, bench.home.root / name, replace=False)
    return bench.home.root / name


def restore(bench: Bench, copy: Path) -> Restored:
    """Restore a copy in this process; the queue that the bench wrote is the one before it."""
    bench.conn.close()
    options = {name: kind.options for name, kind in kinds().items()}
    return put_back(bench.home, load(bench.home, options), copy)


def jobs(home: Home) -> dict[str, str]:
    """Return how each job is shown."""
    with closing(connect_reader(home.database)) as conn:
        return dict(map(tuple, conn.execute("SELECT id, shown FROM job").fetchall()))


def everything(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below a folder, but for the lock and what readers make."""
    ours = (path for path in sorted(folder.rglob("*")) if path.is_file())
    read = {str(path): path.read_bytes() for path in ours if path.name != "lock"}
    return {name: data for name, data in read.items() if data and not name.endswith("-shm")}


# ── backup ───────────────────────────────────────────────────────────────────


def test_a_backup_says_where_it_is_and_what_is_in_it(run: Run, bench: Bench) -> None:
    """A person would not know what was saved, and a script not where."""
    bench.job(name="beam")
    target = bench.home.root / "monday.db"
    answer = run("backup", "--to", target)
    assert answer.returncode == 0, answer.stderr
    size = target.stat().st_size
    assert answer.stdout.split() == ["copy", str(target), "jobs", "1", "bytes", str(size)]
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with closing(connect_reader(target)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert conn.execute("SELECT name FROM job").fetchone()[0] == "beam"
    told = json.loads(run("backup", "--json").stdout)
    assert Path(told["path"]).parent == bench.home.backups
    assert Path(told["path"]).name.startswith("manual-")  # the daemon removes only its own
    assert told["jobs"] == 1


def test_a_backup_overwrites_nothing(say: Say, bench: Bench) -> None:
    """A slip in the name would cost the file that was there, perhaps the only good copy."""
    target = bench.home.root / "mine.txt"
    target.write_text("mine")
    for path in (target, bench.home.root):
        code, said = say("backup", "--to", path)
        assert (code, "is there already; name a new file" in said) == (2, True)
    assert target.read_text() == "mine"
    code, said = say("backup", "--to", bench.home.root / "no" / "folder.db")
    assert (code, "No such file or directory" in said) == (2, True)


def test_a_backup_of_a_queue_with_a_log_that_a_kill_left(say: Say, bench: Bench) -> None:
    """What was committed last would be missing from a copy made after a crash."""
    bench.job(name="beam")
    crashed = Home(bench.home.root.parent / "crashed")
    shutil.copytree(bench.home.root, crashed.root)  # with its log, as it lies there at this moment
    crashed.database.with_name("queue.db-shm").unlink()
    assert crashed.database.with_name("queue.db-wal").stat().st_size > 0
    target = bench.home.root / "copy.db"
    before = crashed.database.read_bytes()
    assert say("backup", "--to", target, "--home", crashed.root)[0] == 0
    assert crashed.database.read_bytes() == before, "only the daemon writes to the queue"
    with closing(connect_reader(target)) as conn:
        assert conn.execute("SELECT count(*) FROM job").fetchone()[0] == 1


def test_no_backup_without_a_good_queue(say: Say, home: Home) -> None:
    """A copy of nothing, or of noise, would be taken for a backup."""
    code, said = say("backup")
    assert (code, "no daemon ever ran here" in said) == (2, True)
    for content in (b"", b"noise" * 5000):
        home.database.write_bytes(content)
        code, said = say("backup")
        assert (code, "no copy was made" in said) == (2, True)
    assert list(home.backups.iterdir()) == []


# ── restore ──────────────────────────────────────────────────────────────────


def test_a_restore_tells_the_copy_what_happened_since(bench: Bench, say: Say) -> None:
    """Jobs accepted after the copy was made would be lost; those that ended would run again."""
    bench.finish(bench.job(name="done"))
    queued, running, failing = (bench.job(name=it) for it in ("queued", "running", "failing"))
    bench.running(running)
    bench.finish(failing, Outcome.FAILED)
    bench.reject("before.toml", "is no job file")
    copy = backup(bench)

    bench.finish(queued)
    assert bench.ask(Verb.RETRY, failing) is None
    bench.finish(failing)
    late = bench.job(name="late")
    later, mesh = bench.job_with_input()
    mesh.with_name("job.toml").write_text("[run]\ncommand = ['true']\n")
    bench.finish(late)
    bad = bench.reject("bad.toml", "is no job file")
    write_reason(bench.home, bad, b"bad.toml", ("is no job file",))
    started = bench.start(bench.job(name="started"))
    half = bench.home.staging / f"orch-testhome-{started}"
    half.mkdir()
    request = bench.home.archive / OTHER
    request.mkdir()
    (request / "x.request.json").write_text(json.dumps({"request": "release", "job": later}))

    done = restore(bench, copy)
    assert (done.jobs, done.told.published, done.told.again) == (7, 3, 3)
    assert (done.told.held, done.told.sought, done.told.left_out) == (2, 1, [])
    shown = jobs(bench.home)
    assert [shown[it] for it in (queued, failing, late)] == ["SUCCEEDED"] * 3
    assert (shown[running], shown[later]) == ("RUNNING", "HELD")
    assert say("fsck")[1].endswith("no findings\n")
    assert say("verify", "--all")[1] == "5 runs verified, no findings\n"
    assert not half.exists()
    said = say("explain", later)[1]
    assert "was restored as it was on" in said
    assert f"`orchestrator release {later}` to run it" in said
    assert say("retry", bad)[1].endswith(f"is no job file; it lies in {bench.home.rejected}\n")


def test_a_job_that_is_taken_in_again_needs_what_it_needed(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a restore it would run beside the job that has its licence."""
    monkeypatch.setattr(entry, "kinds", lambda: {"local": leased.KIND})
    copy = backup(bench)
    late = bench.job(name="late")
    (drop,) = (bench.home.archive / late).iterdir()
    drop.write_text("[run]\ncommand = ['true']\nenv = { LICENCE = 'solver' }\n")
    restore(bench, copy)
    with closing(connect_reader(bench.home.database)) as conn:
        row = conn.execute("SELECT lease FROM job WHERE id = ?", (late,)).fetchone()
    assert row["lease"] == "the licence of solver"


def test_a_restore_made_twice_comes_to_the_same(bench: Bench, say: Say) -> None:
    """Whoever is not sure that it worked, and does it again, would make it worse."""
    bench.job(name="queued")
    copy = backup(bench)
    bench.finish(bench.job(name="late"))
    first, once = restore(bench, copy), jobs(bench.home)
    again = restore(bench, copy)
    assert again.told == first.told
    assert jobs(bench.home) == once
    assert first.replaced != again.replaced
    assert say("fsck")[0] == 0


def test_the_present_queue_is_kept(bench: Bench) -> None:
    """A copy chosen by mistake would cost everything that happened since."""
    copy = backup(bench)
    job = bench.job(name="beam")
    done = restore(bench, copy)
    assert done.replaced is not None
    with closing(connect_reader(done.replaced)) as conn:
        assert conn.execute("SELECT id FROM job").fetchone()[0] == job
    assert restore(bench, done.replaced).jobs == 1  # and can be restored itself


def test_a_drop_that_cannot_be_taken_in_again_is_told_and_kept(bench: Bench, say: Say) -> None:
    """A job whose file is not accepted any more would vanish without a word."""
    copy = backup(bench)
    lies = bench.home.archive / OTHER
    lies.mkdir()
    (lies / "odd.toml").write_text("nonsense = 1\n")
    bench.conn.close()
    code, said = say("restore", copy)
    assert code == 0
    assert "left out: odd.toml: it cannot be taken in again, and lies in" in said
    assert (lies / "odd.toml").exists()
    assert say("fsck")[1].endswith("no findings\n")
    assert "cannot be taken in again" in say("status", OTHER)[1]


def test_what_a_kill_left_of_a_publishing_is_finished(bench: Bench, say: Say) -> None:
    """The link `latest` would lead to the run before, as long as the job has no other run."""
    job = bench.job(name="beam", retry={"attempts": 2})
    bench.finish(job, Outcome.FAILED)
    copy = backup(bench)
    assert bench.ask(Verb.RETRY, job) is None
    latest = bench.finish(job).parent / "latest"
    latest.unlink()
    latest.symlink_to("1")
    restore(bench, copy)
    assert os.readlink(latest) == "2"  # noqa: PTH115 - the text of the link
    assert say("fsck")[0] == 0


def test_a_claimed_drop_is_held_too(bench: Bench, run: Run) -> None:
    """A crash between accepting and filing away leaves a job in claimed/ that may have run."""
    copy = backup(bench)
    job = bench.job(name="beam")
    (bench.home.archive / job).rename(bench.home.claimed / job)
    restore(bench, copy)
    assert jobs(bench.home) == {job: "HELD"}
    assert run("serve", "--until-idle").returncode == 0
    assert jobs(bench.home) == {job: "HELD"}
    assert (bench.home.archive / job).exists()


def test_a_queue_of_an_older_program_is_brought_up_to_date(bench: Bench, say: Say) -> None:
    """The copy made before an upgrade could not be restored after it."""
    bench.conn.close()
    bench.home.database.unlink()
    old = bench.home.root / "old.db"
    bring_back(1, old)
    before = old.read_bytes()
    assert say("restore", old)[0] == 0
    with closing(connect_reader(bench.home.database)) as conn:
        assert migrate.version(conn) == len(migrate.steps())
        still = conn.execute("SELECT count(*) FROM run WHERE state IN ('staging', 'submitting')")
        assert still.fetchone()[0] == 0
    assert old.read_bytes() == before
    assert list(bench.home.backups.iterdir()) == []


def test_a_copy_from_another_machine_goes_on(bench: Bench, run: Run) -> None:
    """Its clock and its boot are others: what is due would never come, or all at once."""
    bench.execute("UPDATE home SET boot_id = 'elsewhere', boot_seconds = 9e9, wall = wall - 9e8")
    copy = backup(bench)
    new = Home(bench.home.root.parent / "new")
    assert run("--home", new.root, "init").returncode == 0
    told = json.loads(run("--home", new.root, "restore", "--json", copy).stdout)
    assert told["replaced"] is None
    assert run("--home", new.root, "serve", "--until-idle").returncode == 0
    with closing(connect_reader(new.database)) as conn:
        row = conn.execute("SELECT id, steady FROM home").fetchone()
    assert row["id"] == "testhome"
    assert 1000.0 <= row["steady"] < 1100.0


def test_a_restore_that_was_killed_is_ended_by_the_next_start(
    bench: Bench, say: Say, run: Run
) -> None:
    """The home would have no queue, and a daemon begin an empty one."""
    job = bench.finish(bench.job(name="beam"))
    copy = backup(bench)
    bench.job(name="later")
    bench.conn.close()
    copy.rename(bench.home.restored)  # decided, and killed
    for command in ("status", "fsck", "backup"):
        code, said = say(command)
        assert (code, "`orchestrator serve` ends it" in said) == (2, True)
    assert "`orchestrator serve` ends it" in say("doctor")[1]
    answer = run("serve", "--until-idle")
    assert answer.returncode == 0
    assert "a restore that was broken off is done; the queue before it is" in answer.stderr
    assert list(jobs(bench.home).values()) == ["SUCCEEDED"]
    assert job.exists()
    (kept,) = bench.home.backups.glob("replaced-*.db")
    assert restore(bench, kept).jobs == 2


@pytest.mark.long
@pytest.mark.timeout(1800)
@pytest.mark.needs("strace")
@pytest.mark.parametrize("harm", ["signal=SIGKILL", "error=EIO", "error=ENOSPC"])
@pytest.mark.parametrize("call", ["rename", "renameat2", "fsync", "pwrite64", "unlink", "fchmod"])
def test_a_restore_harmed_at_every_call_can_be_made_again(
    bench: Bench,
    run: Run,
    program: list[str],
    environment: dict[str, str],
    *,
    call: str,
    harm: str,
) -> None:
    """A bad disk during a restore would leave a home that nobody can bring in order."""
    copy = backup(bench)
    job = bench.job(name="late")
    bench.finish(job)
    bench.conn.close()
    home, trace = bench.home.root, bench.home.root.parent / "trace"

    def restored_under(root: Path, inject: str) -> str:
        strace = ["strace", "-f", "-qq", "-o", str(trace), "-e", inject]
        command = [*strace, *program, "--home", str(root), "restore", str(copy)]
        subprocess.run(command, env=environment, capture_output=True, check=False, timeout=60)
        return trace.read_text()

    spare = home.parent / "spare"
    shutil.copytree(home, spare, symlinks=True)
    points = restored_under(spare, f"trace={call}").count(f"{call}(")
    for when in range(1, points + 1):
        root = home.parent / f"{call}-{when}"
        shutil.copytree(home, root, symlinks=True)
        said = restored_under(root, f"inject={call}:{harm}:when={when}")
        assert "INJECTED" in said or "SIGKILL" in said
        answer = run("--home", root, "serve", "--until-idle")  # the old queue, or the new one
        assert answer.returncode == 0, (when, answer.stderr)
        assert run("--home", root, "restore", copy).returncode == 0
        assert jobs(Home(root)) == {job: "SUCCEEDED"}
        assert run("--home", root, "fsck").stdout.endswith("no findings\n"), when
        assert run("--home", root, "verify", "--all").returncode == 0


# ── refusals ─────────────────────────────────────────────────────────────────


def _newer(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("PRAGMA journal_mode = DELETE").fetchone()
        conn.execute("PRAGMA user_version = 99")


def _foreign(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("CREATE TABLE theirs (x)")


def _other_home(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("UPDATE home SET id = 'otherone'")


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 3 + 8] = bytes(byte ^ 0x55 for byte in data[4096 * 3 : 4096 * 3 + 8])
    path.write_bytes(data)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10_000])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(b"noise" * 5000)


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _present(path: Path) -> None:
    path.unlink()
    path.symlink_to("state/queue.db")


Spoil = Callable[[Path], object]
SPOILT: dict[str, tuple[Spoil, str]] = {
    "newer": (_newer, "it was written by a newer version; install that one, or restore a copy"),
    "foreign": (_foreign, "belongs to another program"),
    "garbage": (_noise, "file is not a database"),
    "cut": (_cut, "malformed"),
    "flipped": (_flip, "malformed"),
}
COPIES: dict[str, tuple[Spoil, str]] = SPOILT | {
    "empty": (_empty, "it is empty"),
    "missing": (Path.unlink, "No such file"),
    "other home": (_other_home, "of another home (otherone; this one is testhome)"),
    "a folder": (_make_folder, "Is a directory"),
    "present": (_present, "is the present queue itself"),
}
QUEUES: dict[str, tuple[Spoil, str]] = SPOILT | {
    "flipped": (_flip, "`orchestrator restore`"),
    "empty": (_empty, "is empty, but there were jobs here"),
    "gone": (Path.unlink, "is gone, but there were jobs here"),
}


@pytest.mark.parametrize("name", COPIES)
def test_what_cannot_be_restored_is_refused(bench: Bench, say: Say, name: str) -> None:
    """A bad copy would take the place of a good queue."""
    bench.job(name="beam")
    copy = backup(bench)
    spoil, words = COPIES[name]
    spoil(copy)
    bench.conn.close()
    before = everything(bench.home.root)
    code, said = say("restore", copy)
    assert code == 2, said
    assert words in said
    assert everything(bench.home.root) == before


def test_a_copy_with_a_damaged_index_is_refused(bench: Bench, say: Say) -> None:
    """Copying builds indexes anew, so that the damage would not show, and rows be missed."""
    bench.job(name="beam")
    copy = backup(bench)
    with closing(sqlite3.connect(copy, isolation_level=None)) as conn:
        conn.execute("PRAGMA writable_schema = ON")
        conn.execute("UPDATE sqlite_schema SET sql = replace(sql, 'ON job (name)', 'ON job (id)')")
    code, said = say("restore", copy)
    assert (code, "missing from index job_name; take another copy" in said) == (2, True), said


def test_a_home_in_use_is_left_alone(bench: Bench, say: Say) -> None:
    """The queue would be taken away under the daemon's hands."""
    copy = backup(bench)
    with hold(bench.home.lock):
        code, said = say("restore", copy)
    assert code == 2
    assert "already serves this home; stop it first" in said


@pytest.mark.parametrize("name", QUEUES)
def test_a_queue_that_cannot_be_used_is_said_by_every_command(
    bench: Bench, say: Say, name: str
) -> None:
    """A person would not learn what to do, or the daemon begin an empty queue over lost jobs."""
    bench.finish(bench.job(name="beam"))
    copy = backup(bench)
    bench.conn.close()
    shutil.copyfile(copy, bench.home.database)
    spoil, words = QUEUES[name]
    spoil(bench.home.database)
    code, said = say("serve", "--until-idle")
    assert (code, words in said) == (78, True), said
    assert name == "foreign" or "restore" in said
    for command in (["status"], ["explain", "beam"], ["verify", "--all"], ["fsck"], ["backup"]):
        code, said = say(*command)
        if name != "flipped":  # what a command does not read, it cannot tell
            assert (code, words in said) == (2, True), (command, said)
    code, said = say("doctor")
    assert (code, words in said) == (1, True), said
    assert say("restore", copy)[0] == 0
    assert say("status")[0] == 0
