"""What people look at: the reads beneath `status`, `explain` and `submit --wait`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome, RunState, Shown
from orchestrator.core.work import Hold
from orchestrator.daemon.clock import read_anchor
from orchestrator.daemon.serve import prepare
from orchestrator.store import migrate, runs, views
from orchestrator.store.home import found_home
from orchestrator.store.look import Step
from orchestrator.store.queries import load
from orchestrator.store.sqlite import connect_reader, connect_writer
from tests.cli.bench import HOME_ID, WALL, Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Return an empty queue, open for writing."""
    home = Home(tmp_path)
    prepare(home)
    conn = connect_writer(home.database)
    try:
        migrate.migrate(conn, home.backups)
        found_home(conn, HOME_ID, read_anchor(1000.0))
        yield Bench(home, conn)
    finally:
        conn.close()


def test_jobs_come_in_the_order_of_acceptance(bench: Bench) -> None:
    """The oldest unfinished job or the latest result would fall off the list."""
    jobs = [bench.job() for _ in range(6)]
    for job in jobs[1:4]:
        bench.ask(Verb.CANCEL, job)
    unfinished = [line.id for line in views.jobs(bench.conn, "unfinished")]
    assert unfinished == [jobs[0], jobs[4], jobs[5]]
    assert [line.id for line in views.jobs(bench.conn, "unfinished", 2)] == unfinished[:2]
    assert [line.id for line in views.jobs(bench.conn, "ended", 2)] == jobs[2:4]
    assert views.counts(bench.conn) == ({Shown.QUEUED: 3}, 3)


def test_a_line_gives_the_reason_that_explains_best(bench: Bench) -> None:
    """`status` would say "started" of a job whose service has been down for an hour."""
    job = bench.job()

    def reason() -> str:
        (line,) = views.jobs(bench.conn, "unfinished")
        return line.reason

    assert reason() == "accepted"
    run = bench.running(job)
    assert reason() == "accepted"  # what the run's own last event said
    bench.move(run, Event.ALIVE, "process 17")
    assert reason() == "process 17"
    bench.move(run, Event.ALIVE, "process 17", error="HTTP 503")
    assert reason() == "HTTP 503"
    bench.move(run, Event.ALIVE, hold=Hold("lost", "lost: no trace of it"))
    assert reason() == "lost: no trace of it"


def test_a_line_tells_when_the_job_last_changed(bench: Bench) -> None:
    """SINCE would be the time of acceptance for ever."""
    job = bench.job()
    bench.now = type(bench.now)(bench.now.steady + 50, WALL + 50)
    bench.start(job)
    (line,) = views.jobs(bench.conn, "unfinished")
    assert (line.accepted_at, line.changed_at) == (WALL, WALL + 50)
    found = views.job(bench.conn, job)
    assert found is not None
    assert (found.accepted_at, found.changed_at) == (WALL, WALL + 50)


def test_one_job_in_full(bench: Bench) -> None:
    """`explain` would reason about another job than the one that is stored."""
    job = bench.job(name="beam", limits={"time": "90s", "deadline": "2027-01-31T18:00:00Z"})
    found = views.job(bench.conn, job)
    assert found is not None
    assert (found.name, found.state, found.shown, found.runs) == ("beam", "queued", "QUEUED", 0)
    assert found.deadline == 1_801_418_400.0
    assert found.spec["limits"]["time"] == 90.0
    assert views.job(bench.conn, "000000000000") is None


def test_runs_with_how_far_their_files_have_come(bench: Bench) -> None:
    """A harvest of an hour would look like one that stands still."""
    job, _ = bench.job_with_input()
    run = bench.start(job)
    (view,) = views.runs(bench.conn, job)
    assert (view.number, view.state, view.staging_steps, view.staged) == (1, "staging", 1, 0)
    proof = [runs.Proof(0, 5, "0" * 64)]
    runs.steps_done(bench.conn, run, "stage", proof)
    bench.move(run, Event.STAGED)
    bench.move(run, Event.ACCEPTED, remote_id="r", started=1000.0)
    bench.move(run, Event.FINISHED, outcome=Outcome.FAILED, exit_code=3)
    listed = [Step(n, f"outputs/{n}", str(n), 1, None, False, "size") for n in range(3)]  # noqa: FBT003
    runs.list_outputs(bench.conn, run, listed)
    runs.steps_done(bench.conn, run, "harvest", [runs.Proof(1, 1, "0" * 64)])
    (view,) = views.runs(bench.conn, job)
    assert view.state is RunState.HARVESTING
    assert (view.staged, view.harvest_steps, view.harvested) == (1, 3, 1)
    assert (view.outcome, view.exit_code) == (Outcome.FAILED, 3)


def test_what_is_before_a_job_and_lives_on_its_backend(bench: Bench) -> None:
    """`explain` would name a limit that does not hold the job."""
    bench.running(bench.job(name="running"))
    harvested = bench.running(bench.job(name="harvested"))
    bench.move(harvested, Event.FINISHED, outcome=Outcome.SUCCEEDED)
    bench.job(name="first")
    bench.ask(Verb.HOLD, bench.job(name="held"))
    bench.job(name="elsewhere", backend="other")
    last = views.job(bench.conn, bench.job(name="last"))
    assert last is not None
    assert views.ahead(bench.conn, last, bench.now.steady) == 1
    assert views.live(bench.conn, "local") == (2, 1, 0)
    assert views.live(bench.conn, "other") == (0, 0, 0)


def test_progress_knows_jobs_rejections_and_says_when_to_stop_waiting(bench: Bench) -> None:
    """`submit --wait` would end too early, or never."""
    queued, held, done = bench.job(), bench.job(), bench.job()
    bench.ask(Verb.HOLD, held)
    bench.finish(done)
    rejected = bench.reject("bad.toml", "is no job file")
    ids = [queued, held, done, rejected, "zzzzzzzzzzzz"]
    found = views.progress(bench.conn, ids)
    assert set(found) == set(ids[:-1])
    assert {found[id_].shown for id_ in ids[1:4]} == {"HELD", "SUCCEEDED", "REJECTED"}
    assert [found[id_].is_settled for id_ in ids[:4]] == [False, True, True, True]
    assert found[held].reason == "held on request; release it to go on"
    assert found[rejected].reason == "is no job file"


def test_the_answer_to_a_request(bench: Bench) -> None:
    """A refused cancel would be told as done."""
    job = bench.job()
    bench.ask_as("request00001", Verb.CANCEL, job)
    bench.ask_as("request00002", Verb.CANCEL, job)
    assert views.request_answer(bench.conn, "request00001") == (True, None)
    done, refused = views.request_answer(bench.conn, "request00002")
    assert (done, refused) == (True, "the job has already ended: CANCELLED")
    assert views.request_answer(bench.conn, "request00003") == (False, None)


def test_published_runs_of_one_job_and_of_all(bench: Bench) -> None:
    """`verify --all` would leave results out."""
    twice, once = bench.job(retry={"attempts": 2}), bench.job()
    bench.finish(twice, Outcome.FAILED, JobState.QUEUED)
    bench.finish(once)
    bench.finish(twice)
    bench.running(bench.job())
    every = views.published(bench.conn)
    assert [(it.job, it.number) for it in every] == [(twice, 1), (twice, 2), (once, 1)]
    assert [it.number for it in views.published(bench.conn, once)] == [1]


def test_a_look_can_be_taken_while_the_daemon_writes_and_cannot_write(bench: Bench) -> None:
    """A look would wait for the daemon, or, worse, be a second writer of the queue."""
    bench.job()
    reader = connect_reader(bench.home.database)
    try:
        bench.conn.execute("BEGIN IMMEDIATE")
        assert len(views.jobs(reader, "unfinished")) == 1
        bench.conn.execute("ROLLBACK")
        with pytest.raises(Exception, match="readonly"):
            reader.execute("DELETE FROM job")
    finally:
        reader.close()


@pytest.mark.parametrize("name", ["unfinished", "counts"])
def test_looks_do_not_read_the_ended_jobs(bench: Bench, name: str) -> None:
    """After a year, every `status` would read a million old jobs."""
    plan = bench.conn.execute(f"EXPLAIN QUERY PLAN {load('views')[name]}", {"limit": 1}).fetchall()
    assert "job_unfinished" in plan[0]["detail"]
