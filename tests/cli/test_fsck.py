"""`orchestrator fsck`: every illegal combination is found, and no legal one is."""

import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.backends.local.removing import GONE
from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome
from orchestrator.daemon.fsck import CHECKS, Finding, inspect
from orchestrator.spool import PROBE
from orchestrator.store.lock import hold
from orchestrator.store.sqlite import connect_reader
from tests.cli.bench import Bench, Run

OTHER = "zzzzzzzzzzzz"


def found(bench: Bench) -> list[Finding]:
    """Check the home without a process around it."""
    with closing(connect_reader(bench.home.database)) as conn:
        return inspect(bench.home, conn, is_served=False)


def busy(bench: Bench) -> None:
    """Fill the home with everything that is legal, as a crash may leave it too."""
    bench.finish(bench.job(name="done"))
    twice = bench.job(name="twice", retry={"attempts": 2})
    bench.finish(twice, Outcome.FAILED, JobState.QUEUED)
    bench.finish(twice)
    bench.ask(Verb.CANCEL, bench.job(name="cancelled"))
    bench.ask(Verb.HOLD, bench.job(name="held"))
    bench.start(bench.job(name="staging"))
    bench.running(bench.job(name="running"))
    harvested = bench.running(bench.job(name="harvesting"))
    bench.move(harvested, Event.FINISHED, outcome=Outcome.SUCCEEDED)
    (bench.home.staging / f"orch-testhome-{harvested}").mkdir()
    published = bench.job(name="published")  # killed between the rename and the commit
    bench.move(bench.running(published), Event.FINISHED, outcome=Outcome.SUCCEEDED)
    (bench.home.results / f"published-{published}" / "1").mkdir(parents=True)
    bench.job_with_input()
    accepted = bench.job(name="accepted")  # killed before the drop was archived
    (bench.home.archive / accepted).rename(bench.home.claimed / accepted)
    (bench.home.claimed / OTHER).mkdir()  # killed before it was judged
    (bench.home.claimed / OTHER / "new.toml").write_text("")
    (bench.home.claimed / "yyyyyyyyyyyy").mkdir()  # killed before the claim's rename
    rejected = bench.reject("bad.toml", "is no job file")
    (bench.home.rejected / f"bad.toml-{rejected}" / "dropped").mkdir(parents=True)
    (bench.home.rejected / "notes of mine").mkdir()
    given_up = bench.running(bench.job(name="given-up"))  # kept for a person to look at
    bench.move(given_up, Event.GIVEN_UP, outcome=Outcome.LOST, job=JobState.CANCELLED)
    for folder in (bench.home.claimed, bench.home.archive):  # a check of the renames was killed
        (folder / f"{PROBE}0123456789abcdef").mkdir()
    local = bench.home.backend("local") / "runs"
    states = "('staging', 'running', 'harvesting')"
    kept = f"SELECT key FROM run WHERE state IN {states} OR outcome = 'lost'"  # noqa: S608 - ours
    for row in bench.conn.execute(kept).fetchall():
        (local / row["key"]).mkdir(parents=True)
    (local / f"{GONE}{_run_of(bench, twice)}").mkdir()  # killed while the run was let go
    (bench.home.results / "plots of mine").mkdir()
    bench.job(name="behind", after=["running"])
    bench.job(name="released", after=["done"])
    bench.job(name="waiting", after=["behind", "released", "never"])
    bench.job(name="ended", after=["cancelled"])
    bench.ask(Verb.HOLD, bench.job(name="line-held", lease="a licence"))
    bench.start(bench.job(name="line-first", lease="a licence"))
    bench.job(name="line-second", lease="a licence")


def test_everything_that_is_legal_is_left_in_peace(run: Run, bench: Bench) -> None:
    """A check that cries wolf is switched off."""
    busy(bench)
    answer = run("fsck")
    assert answer.stdout == f"{len(CHECKS)} checks, no findings\n"
    assert answer.returncode == 0


def test_an_empty_home_is_in_order(run: Run) -> None:
    """The first check after `init` would fail."""
    assert run("fsck").returncode == 0


Break = Callable[[Bench, str, Path], object]


def _claim_again(bench: Bench, job: str, _: Path) -> None:
    (bench.home.claimed / job).mkdir()
    (bench.home.claimed / job / "copy.toml").write_text("")


def _lose_drop(bench: Bench, job: str, _: Path) -> None:
    (bench.home.archive / job).rename(bench.home.root / "elsewhere")


def _archive_unknown(bench: Bench, _: str, __: Path) -> None:
    (bench.home.archive / OTHER).mkdir()
    (bench.home.archive / OTHER / "beam.toml").write_text("")


def _reject_unknown(bench: Bench, _: str, __: Path) -> None:
    (bench.home.rejected / f"beam.toml-{OTHER}").mkdir()


def _publish_unknown(bench: Bench, _: str, __: Path) -> None:
    (bench.home.results / f"beam-{OTHER}" / "1").mkdir(parents=True)


def _publish_early(bench: Bench, _: str, __: Path) -> None:
    job = bench.job(name="early")
    bench.running(job)
    (bench.home.results / f"early-{job}" / "1").mkdir(parents=True)


def _change_input(bench: Bench, _: str, __: Path) -> None:
    _job, path = bench.job_with_input()
    path.write_bytes(b"other nodes")


def _lose_input(bench: Bench, _: str, __: Path) -> None:
    _job, path = bench.job_with_input()
    path.unlink()


def _stage_published(bench: Bench, job: str, _: Path) -> None:
    key = bench.conn.execute("SELECT key FROM run WHERE job = ?", (job,)).fetchone()["key"]
    (bench.home.staging / key).mkdir()


def _change_manifest(_: Bench, __: str, run: Path) -> None:
    (run / "MANIFEST.json").chmod(0o600)
    (run / "MANIFEST.json").write_text("{}")


def _turn_latest(_: Bench, __: str, run: Path) -> None:
    (run.parent / "latest").unlink()
    (run.parent / "latest").symlink_to("0")


def _forget_to_wait(bench: Bench, _: str, __: Path) -> None:
    bench.job(name="later", after=["never"])
    bench.execute("UPDATE job SET waits = 'no'")


def _begin_too_early(bench: Bench, _: str, __: Path) -> None:
    later = bench.job(name="later", after=["never"])
    bench.execute("UPDATE job SET waits = 'no'")
    bench.start(later)


def _share(bench: Bench, _: str, __: Path) -> None:
    for name in ("study 1", "study 2"):
        bench.start(bench.job(lease=name))
    bench.execute("UPDATE job SET lease = 'study 1' WHERE lease = 'study 2'")
    bench.conn.execute("DROP INDEX run_lease")
    bench.conn.execute("UPDATE run SET lease = 'study 1' WHERE lease = 'study 2'")


def _take_back(bench: Bench, _: str, __: Path) -> None:
    bench.start(bench.job(lease="study 1"))
    bench.execute("UPDATE run SET lease = NULL")


def _tell_nobody(bench: Bench, _: str, __: Path) -> None:
    bench.start(bench.job(lease="study 1"))
    bench.job(lease="study 1")
    bench.execute("UPDATE job SET in_line = 0, shown = 'QUEUED' WHERE in_line = 1")


def _run_of(bench: Bench, job: str) -> str:
    return str(bench.conn.execute("SELECT key FROM run WHERE job = ?", (job,)).fetchone()["key"])


def _folder_of(bench: Bench, key: str) -> Path:
    folder = bench.home.backend("local") / "runs" / key
    folder.mkdir(parents=True)
    return folder


def _keep_run(bench: Bench, job: str, _: Path) -> None:
    _folder_of(bench, _run_of(bench, job))
    _sql("UPDATE run SET forgotten = 1 WHERE job = '{job}'")(bench, job, bench.home.root)


def _lose_run(bench: Bench, _: str, __: Path) -> None:
    job = bench.job(name="running")
    bench.running(job)
    _folder_of(bench, _run_of(bench, job)).rmdir()


def _sql(statement: str) -> Break:
    return lambda bench, job, _: bench.execute(statement.format(job=job))


SPOILED: list[tuple[str, Break]] = [
    ("claimed-or-archived", _claim_again),
    ("job-has-its-drop", _lose_drop),
    ("archived-is-known", _archive_unknown),
    ("one-drop-a-folder", lambda bench, _, __: (bench.home.archive / OTHER).mkdir()),
    ("one-drop-a-folder", lambda bench, _, __: (bench.home.claimed / "odd").mkdir()),
    ("rejected-is-known", _reject_unknown),
    ("inputs-are-kept", _change_input),
    ("inputs-are-kept", _lose_input),
    ("published-is-there", _change_manifest),
    ("published-is-there", lambda _, __, run: run.rename(run.with_name("moved"))),
    ("results-are-known", _publish_unknown),
    ("results-are-known", _publish_early),
    ("latest-is-latest", _turn_latest),
    ("staging-is-known", lambda bench, _, __: (bench.home.staging / "orch-x").mkdir()),
    ("staging-is-known", _stage_published),
    ("run-folders-are-known", lambda bench, _, __: _folder_of(bench, "orch-testhome-x")),
    ("run-folders-are-known", _keep_run),
    ("live-run-has-its-folder", _lose_run),
    ("only-ended-is-let-go", _sql("UPDATE run SET forgotten = 1 WHERE state <> 'ended'")),
    ("status-log-is-not-ahead", _sql("UPDATE home SET status_cursor = 1000")),
    (
        "results-were-fetched",
        _sql(
            "INSERT INTO step (run, phase, n, name, source)"
            " SELECT id, 'harvest', 0, 'x', '\"x\"' FROM run WHERE state = 'ended'"
        ),
    ),
    ("one-live-run", _sql("UPDATE job SET state = 'active' WHERE id = '{job}'")),
    ("runs-are-counted", _sql("UPDATE job SET runs = 2 WHERE id = '{job}'")),
    ("success-is-proved", _sql("UPDATE run SET outcome = 'lost' WHERE job = '{job}'")),
    ("waits-as-long-as-needed", _sql("UPDATE job SET waits = 'yes' WHERE state = 'active'")),
    ("waits-as-long-as-needed", _forget_to_wait),
    ("runs-in-order", _begin_too_early),
    ("one-at-a-time", _share),
    ("one-at-a-time", _take_back),
    ("line-is-told", _tell_nobody),
    ("keys-are-ours", _sql("UPDATE run SET key = 'orch-otherhom-x' WHERE job = '{job}'")),
    ("one-id-one-thing", _sql("INSERT INTO rejection VALUES ('{job}', 'x', 1.0, 'x')")),
    ("history-is-unbroken", _sql("DELETE FROM history WHERE target = 'RUNNING'")),
    ("history-is-complete", _sql("DELETE FROM history WHERE target = 'SUCCEEDED'")),
    ("shown-is-true", _sql("UPDATE job SET shown = 'FAILED' WHERE id = '{job}'")),
    ("database-is-whole", _sql("UPDATE step SET run = 'gone'")),
    ("shown-is-true", _sql("UPDATE job SET state = 'odd' WHERE id = '{job}'")),
]


@pytest.mark.parametrize(("check", "spoil"), SPOILED)
def test_every_illegal_combination_is_found(bench: Bench, check: str, spoil: Break) -> None:
    """Lost, doubled or foreign files and rows would stay until they do harm."""
    job = bench.job(name="beam")
    run = bench.finish(job)
    bench.start(bench.job_with_input()[0])
    assert found(bench) == []
    spoil(bench, job, run)
    assert check in {finding.check for finding in found(bench)}


def test_every_check_is_seen_to_fire() -> None:
    """A check that cannot fail would vouch for a home that nobody has looked at."""
    assert {check for check, _ in SPOILED} == set(CHECKS)


def test_findings_are_named_with_their_why(run: Run, bench: Bench) -> None:
    """A person would get a name that says nothing, and a script exit code 0."""
    _archive_unknown(bench, "", bench.home.root)
    answer = run("fsck")
    assert answer.returncode == 1
    first, why, last = answer.stdout.splitlines()
    assert first.startswith(f"archived-is-known: {bench.home.archive / OTHER} belongs to no job")
    assert why.strip() == CHECKS["archived-is-known"].why
    assert last.endswith("1 findings")
    (finding,) = json.loads(run("fsck", "--json").stdout)
    assert finding["check"] == "archived-is-known"


def test_while_a_daemon_works_only_what_stays_counts(home: Home, bench: Bench) -> None:
    """Every check of a busy home would report moments that are over before one can look."""
    _archive_unknown(bench, "", home.root)
    with hold(home.lock):
        (stays,) = inspect(home, bench.conn, is_served=True)
    assert stays.check == "archived-is-known"


def test_a_home_whose_first_start_was_broken_off_is_left_in_peace(run: Run, bench: Bench) -> None:
    """The check would end with a traceback where no backend was ever opened."""
    bench.home.backend("").rmdir()
    answer = run("fsck")
    assert (answer.returncode, answer.stderr) == (0, "")


def test_it_changes_nothing(run: Run, bench: Bench, home: Home) -> None:
    """A check that mends by itself could lose what a person needs to understand the fault."""
    busy(bench)
    before = sorted((str(path), path.lstat().st_mtime_ns) for path in _all(home.root))
    assert run("fsck").returncode == 0
    assert sorted((str(path), path.lstat().st_mtime_ns) for path in _all(home.root)) == before


def test_what_was_fetched_of_a_run_that_was_given_up_goes_at_the_next_start(
    run: Run, bench: Bench
) -> None:
    """Outputs that nobody will ever publish would fill the disk, one given-up run after another."""
    given_up = bench.running(bench.job(name="given-up"))
    bench.move(given_up, Event.FINISHED, outcome=Outcome.FAILED)
    bench.move(given_up, Event.GIVEN_UP, outcome=Outcome.ABANDONED, job=JobState.CANCELLED)
    fetched = bench.home.staging / f"orch-testhome-{given_up}" / "outputs"
    fetched.mkdir(parents=True)
    (fetched / "large.dat").write_bytes(b"42")
    stranger = bench.home.staging / "orch-testhome-x"
    stranger.mkdir()
    assert run("serve", "--until-idle").returncode == 0
    assert list(bench.home.staging.iterdir()) == [stranger]  # that is for a person to look at


def _all(folder: Path) -> list[Path]:
    skipped = ("queue.db-shm", "queue.db-wal")  # SQLite's own
    return [
        Path(at, name)
        for at, folders, files in os.walk(folder)
        for name in folders + files
        if name not in skipped
    ]
