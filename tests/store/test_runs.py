"""Runs move only from what was read, and what people see of it is written beside."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest

from orchestrator.core.faults import StaleError
from orchestrator.core.intake import Input
from orchestrator.core.lifecycle import Event, IllegalMoveError, JobState, Outcome, RunState, Shown
from orchestrator.core.work import Hold
from orchestrator.store import entrance, look, runs
from orchestrator.store.sqlite import Connection, engine
from tests.store.making import (
    ACCEPTED,
    AGAIN,
    DOUBTFUL,
    FAILED,
    SITUATIONS,
    STAGED,
    START,
    SUCCEEDED,
    WENT_BADLY,
    WENT_WELL,
    ask,
    at,
    change,
    move,
    new_id,
    new_job,
    open_queue,
    row,
    situate,
    start_run,
)


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return an empty queue."""
    with closing(open_queue(tmp_path_factory.mktemp("runs"))) as conn:
        yield conn


@pytest.fixture
def conn(queue: Connection) -> Iterator[Connection]:
    """Return the empty queue; what a test writes is undone."""
    queue.execute("BEGIN")
    yield queue
    queue.execute("ROLLBACK")


def test_a_run_starts_with_its_key_and_its_inputs_to_stage(conn: Connection) -> None:
    """Otherwise work could leave the machine under a name that is not on the disk."""
    inputs = [Input(name, f"/data/{name}", 1, 1, taken=False) for name in ("b", "a")]
    entrance.accept(conn, new_job(1, "wing", *inputs), START)
    work = start_run(conn, new_id(1), 2)
    assert (work.state, work.number, work.version) == (RunState.STAGING, 1, 0)
    assert work.key == f"orch-homehome-{new_id(2)}"
    steps = look.steps(conn, work.run, "stage")
    assert [(step.n, step.name, step.source) for step in steps] == [
        (0, "a", "/data/a"),
        (1, "b", "/data/b"),
    ]
    job = row(conn, "job", new_id(1))
    assert (job["state"], job["runs"], job["shown"]) == ("active", 1, "STAGING")


def test_the_next_step_is_the_first_that_is_not_done(conn: Connection) -> None:
    """Otherwise an input would be brought over twice, or a run would wait for one for ever."""
    inputs = [Input(name, f"/data/{name}", 1, 1, taken=False) for name in ("a", "b", "c")]
    entrance.accept(conn, new_job(1, "wing", *inputs), START)
    work = start_run(conn, new_id(1), 2)
    for n, name in enumerate(("a", "b", "c")):
        step = look.next_step(conn, work.run, "stage")
        assert (step.n, step.name, step.done) == (n, name, False)
        runs.steps_done(conn, work.run, "stage", [runs.Proof(n, 1, "a" * 64)])


@pytest.mark.parametrize("situation", ["running", "queued, held", "failed", "waiting, held"])
def test_only_a_queued_job_starts(conn: Connection, situation: str) -> None:
    """Otherwise a job would run twice at once, or after its end."""
    job = situate(conn, situation)
    before = conn.total_changes
    assert not runs.start(conn, job, new_id(7), "key", START)
    assert conn.total_changes == before


def test_a_stale_move_writes_nothing(conn: Connection) -> None:
    """Otherwise two acts on one run would overwrite each other: the second one lost its ground."""
    situate(conn, "staging")
    work = look.work(conn, new_id(501))
    move(conn, work, change(Event.STAGE_STEP))
    before = conn.total_changes
    for stale in (
        work,
        replace(work, version=1, state=RunState.SUBMITTING),
        replace(work, run="?"),
    ):
        event = STAGED if stale.state is RunState.STAGING else ACCEPTED
        with pytest.raises(StaleError):
            runs.move(conn, stale, event, START)
    assert conn.total_changes == before


def test_a_move_without_a_row_in_the_table_is_refused(conn: Connection) -> None:
    """Otherwise a fault in the engine could take a run back before its submit."""
    situate(conn, "running")
    with pytest.raises(IllegalMoveError):
        runs.move(conn, look.work(conn, new_id(501)), STAGED, START)


def test_what_a_change_does_not_name_stays(conn: Connection) -> None:
    """Otherwise a poll would wipe out the remote id or the memo."""
    situate(conn, "staging")
    work = move(
        conn,
        look.work(conn, new_id(501)),
        replace(STAGED, memo={"upload": 7}, tries=3),
        replace(DOUBTFUL, doubt_since=5.0),
        replace(change(Event.FOUND), remote_id="r", started=6.0),
        change(Event.STOPPING, stop="deadline"),
        change(Event.ALIVE),
    )
    assert (work.memo, work.tries, work.doubt_since, work.started) == ({"upload": 7}, 0, 5.0, 6.0)
    assert (work.remote_id, work.stop) == (f"remote {new_id(501)}", "deadline")
    work = move(conn, work, replace(WENT_BADLY, memo={}))
    assert (work.memo, work.outcome, work.exit_code) == ({}, Outcome.FAILED, 1)


def test_an_error_is_shown_until_the_next_success(conn: Connection) -> None:
    """Otherwise `explain` would show the trouble of last week, or none."""
    situate(conn, "running")
    silent = change(Event.ALIVE, error="no route", tries=4)
    work = move(conn, look.work(conn, new_id(501)), silent)
    stored = row(conn, "run", work.run)
    assert (stored["last_error"], stored["last_error_at"]) == ("no route", START.wall)
    assert work.tries == 4
    work = move(conn, work, change(Event.ALIVE))
    stored = row(conn, "run", work.run)
    assert (stored["last_error"], stored["last_error_at"], work.tries) == (None, None, 0)


def test_a_huge_memo_is_refused(conn: Connection) -> None:
    """Otherwise one backend could fill the queue."""
    situate(conn, "staging")
    with pytest.raises(ValueError, match="over the 65536 allowed"):
        runs.move(
            conn,
            look.work(conn, new_id(501)),
            replace(STAGED, memo={"a": "m" * 65536}),
            START,
        )


def test_success_needs_a_manifest(conn: Connection) -> None:
    """Otherwise a job could be shown as succeeded with no results to see."""
    situate(conn, "harvesting")
    with pytest.raises(engine.IntegrityError):
        runs.move(conn, look.work(conn, new_id(501)), SUCCEEDED, START)


@pytest.mark.parametrize(
    ("last", "state", "shown"),
    [
        (SUCCEEDED, JobState.SUCCEEDED, "SUCCEEDED"),
        (FAILED, JobState.FAILED, "FAILED"),
        (AGAIN, JobState.QUEUED, "WAITING"),
        (change(Event.PUBLISHED), JobState.FAILED, "FAILED"),
    ],
)
def test_the_end_of_a_run_settles_its_job(
    conn: Connection, last: object, state: JobState, shown: str
) -> None:
    """Otherwise a job would stay active with nothing that moves it."""
    job = situate(conn, "harvesting")
    ended = next(it for it in (SUCCEEDED, FAILED, AGAIN, change(Event.PUBLISHED)) if it == last)
    work = move(conn, look.work(conn, new_id(501)), ended)
    assert work.state is RunState.ENDED
    stored = row(conn, "job", job)
    assert (stored["state"], stored["shown"]) == (state, shown)
    assert (row(conn, "run", work.run)["ended_at"], work.forgotten) == (START.wall, False)


def test_a_wish_that_comes_during_an_act_is_not_slept_through(conn: Connection) -> None:
    """Otherwise a cancel would wait for the poll that the act has just put minutes away."""
    job = situate(conn, "running")
    work = look.work(conn, new_id(501))
    entrance.apply(conn, ask("cancel", job), START)
    runs.move(conn, work, replace(change(Event.ALIVE), due=START.steady + 300), at(2))
    assert row(conn, "run", work.run)["due"] == at(2).steady


@pytest.mark.parametrize(
    ("verb", "want", "shown"), [("cancel", "cancel", "CANCELLING"), ("hold", "hold", "HELD")]
)
def test_a_hold_by_the_daemon_does_not_cover_a_wish(
    conn: Connection, verb: str, want: str, shown: str
) -> None:
    """Otherwise a cancel that came during the last look would be lost without a word."""
    job = situate(conn, "unknown")
    work = look.work(conn, new_id(501))
    entrance.apply(conn, ask("cancel" if verb == "cancel" else "hold", job), START)
    unclear = replace(change(Event.UNCLEAR), hold=Hold("unknown", "cannot tell"))
    runs.move(conn, work, unclear, at(2))
    stored = row(conn, "job", job)
    assert (stored["want"], stored["shown"]) == (want, shown)
    assert stored["hold_code"] in {None, "user"}


def test_every_change_that_people_see_is_in_the_history(conn: Connection) -> None:
    """Otherwise status.log has gaps: each entry says from where, to where, how long, and why."""
    entrance.accept(conn, new_job(1), START)
    runs.start(conn, new_id(1), new_id(2), "orch-homehome-x", at(1))
    seconds = 1
    for each in (STAGED, ACCEPTED, change(Event.ALIVE), WENT_WELL, SUCCEEDED):
        seconds *= 2
        remote = "r-1" if each is ACCEPTED else None
        sha256 = "0" * 64 if each is SUCCEEDED else None
        work = look.work(conn, new_id(2))
        runs.move(conn, work, replace(each, remote_id=remote), at(seconds), manifest_sha256=sha256)
    history = look.history_of(conn, new_id(1))
    assert [(e.source, e.target, e.lasted, e.run, e.remote_id) for e in history] == [
        (None, Shown.QUEUED, None, None, None),
        (Shown.QUEUED, Shown.STAGING, 1.0, 1, None),
        (Shown.STAGING, Shown.SUBMITTING, 1.0, 1, None),
        (Shown.SUBMITTING, Shown.RUNNING, 2.0, 1, "r-1"),
        (Shown.RUNNING, Shown.HARVESTING, 12.0, 1, "r-1"),
        (Shown.HARVESTING, Shown.SUCCEEDED, 16.0, 1, "r-1"),
    ]
    assert history[-1].reason == f"because of {Event.PUBLISHED}"
    assert [e.seq for e in history] == sorted({e.seq for e in history})
    assert history[2:] == look.history_after(conn, history[1].seq, 100)
    assert history[2:4] == look.history_after(conn, history[1].seq, 2)


def test_outputs_are_listed_fetched_and_listed_again(conn: Connection) -> None:
    """Otherwise a restart would fetch everything again, or trust a list that is not true."""
    situate(conn, "harvesting")
    run = new_id(501)
    found = [
        look.Step(0, "a.dat", "s3:a", 5, None, log=False, verified="size"),
        look.Step(1, "log.txt", "s3:log", None, None, log=True, verified="nothing"),
    ]
    runs.list_outputs(conn, run, found)
    assert look.work(conn, run).listed
    assert look.steps(conn, run, "harvest") == found
    runs.steps_done(conn, run, "harvest", [runs.Proof(0, 5, "1" * 64, "checksum")])
    assert [step.done for step in look.steps(conn, run, "harvest")] == [True, False]
    first, second = look.steps(conn, run, "harvest")
    assert (first.sha256, first.verified) == ("1" * 64, "checksum")
    assert second == found[1]
    runs.list_outputs(conn, run, found[1:])
    assert look.steps(conn, run, "harvest") == found[1:]
    runs.unlist_outputs(conn, run)
    assert not look.work(conn, run).listed
    assert look.steps(conn, run, "harvest") == []
    assert look.steps(conn, run, "stage") == []


def test_an_ended_run_is_due_until_its_backend_has_forgotten_it(conn: Connection) -> None:
    """Otherwise every run would leave its files at the service for ever."""
    situate(conn, "failed")
    run = new_id(501)
    assert [due.run for due in look.due_runs(conn, "local", START, 9)] == [run]
    runs.put_off_forgetting(conn, run, START.steady + 60, "busy", START)
    assert look.due_runs(conn, "local", at(59), 9) == []
    assert [due.state for due in look.due_runs(conn, "local", at(60), 9)] == [RunState.ENDED]
    assert look.work(conn, run).tries == 1
    runs.forgotten(conn, run)
    assert look.due_runs(conn, "local", at(1e6), 9) == []


def test_a_live_run_cannot_be_forgotten(conn: Connection) -> None:
    """Otherwise it would never be looked at again."""
    situate(conn, "running")
    runs.forgotten(conn, new_id(501))
    assert not look.work(conn, new_id(501)).forgotten


def test_a_run_that_is_put_off_stays_as_it_is(conn: Connection) -> None:
    """Otherwise a fault of this program in one act would be tried in a tight loop."""
    situate(conn, "running")
    work = look.work(conn, new_id(501))
    runs.put_off(conn, work, START.steady + 60, "internal error", START)
    assert look.due_runs(conn, "local", at(59), 9) == []
    assert row(conn, "run", work.run)["last_error"] == "internal error"
    runs.put_off(conn, replace(work, version=99), 0.0, "stale", START)
    assert look.due_runs(conn, "local", at(59), 9) == []


def test_situations_are_what_they_say(conn: Connection) -> None:
    """Otherwise the tables of these tests would prove less than they seem to."""
    for number, situation in enumerate(SITUATIONS, 1):
        job = row(conn, "job", situate(conn, situation, number))
        word = situation.split(",")[0] if "held" not in situation else "held"
        known = {"input changed", "unknown outcome", "lost", "outputs"}
        assert job["shown"] == ("HELD" if word in known else word.upper()), situation
