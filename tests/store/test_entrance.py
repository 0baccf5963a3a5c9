"""What people hand in: jobs once, requests once, each verb in each situation."""

import hashlib
from collections.abc import Iterator
from contextlib import closing

import pytest

from orchestrator.core.faults import StaleError
from orchestrator.core.ids import key_of
from orchestrator.core.intake import Input, Rejection, Verb
from orchestrator.core.lifecycle import Event, JobState, Outcome, RunState, Shown
from orchestrator.core.now import Now
from orchestrator.store import entrance, look, runs
from orchestrator.store.resolve import resolve
from orchestrator.store.sqlite import Connection
from tests.store.making import (
    ACCEPTED,
    AGAIN,
    FAILED,
    SITUATIONS,
    STAGED,
    START,
    WENT_BADLY,
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
    with closing(open_queue(tmp_path_factory.mktemp("entrance"))) as conn:
        yield conn


@pytest.fixture
def conn(queue: Connection) -> Iterator[Connection]:
    """Return the empty queue; what a test writes is undone."""
    queue.execute("BEGIN")
    yield queue
    queue.execute("ROLLBACK")


def words(conn: Connection, job: str) -> list[str]:
    """Return what people saw the job become, and why."""
    return [f"{entry.target}: {entry.reason}" for entry in look.history_of(conn, job)]


def test_a_job_is_stored_as_it_was_dropped(conn: Connection) -> None:
    """Otherwise what is run is not what the user wrote."""
    taken = Input("in.dat", "in.dat", 3, 5, taken=True)
    mesh = Input("mesh", "/data/mesh", 9, 7, taken=False)
    job = new_job(
        1,
        "wing",
        taken,
        mesh,
        limits={"deadline": "2027-01-31T18:00:00Z", "time": "1h"},
        retry={"attempts": 3},
    )
    assert entrance.accept(conn, job, START)
    stored = row(conn, "job", job.id)
    assert (stored["name"], stored["backend"], stored["uid"]) == ("wing", "local", 1000)
    assert (stored["state"], stored["want"], stored["runs"]) == ("queued", "run", 0)
    assert (stored["allowed"], stored["deadline"]) == (3, 1801418400.0)
    assert (stored["due"], stored["accepted_at"]) == (START.steady, START.wall)
    text, file, history = look.papers(conn, job.id)
    assert (text, file) == (job.text, "job.json")
    assert stored["sha256"] == hashlib.sha256(job.text).hexdigest()
    assert [entry.target for entry in history] == ["QUEUED"]
    assert look.inputs(conn, job.id) == {
        "in.dat": look.InputRow("in.dat", "in.dat", 3, 5, taken=True, trusted=True),
        "mesh": look.InputRow("mesh", "/data/mesh", 9, 7, taken=False, trusted=True),
    }
    assert look.work(conn, start_run(conn, job.id, 2).run).spec == job.spec
    assert words(conn, job.id)[0] == "QUEUED: accepted from wing.json"


def test_a_replayed_job_does_nothing(conn: Connection) -> None:
    """Otherwise a crash between commit and archive would make two jobs of one drop."""
    job = new_job(1, "wing", Input("a", "a", 1, 1, taken=True))
    assert entrance.accept(conn, job, START)
    start_run(conn, job.id, 2)
    before = conn.total_changes
    assert not entrance.accept(conn, job, at(5))
    assert conn.total_changes == before


def test_two_jobs_of_one_name_are_two(conn: Connection) -> None:
    """Otherwise the second drop of a name would vanish."""
    assert entrance.accept(conn, new_job(1), START)
    assert entrance.accept(conn, new_job(2), START)
    assert resolve(conn, "wing") == [new_id(1), new_id(2)]


def test_a_rejection_is_noted_once(conn: Connection) -> None:
    """Otherwise a restart would write the same refusal into the log again."""
    for second in (0, 5):
        entrance.reject(conn, Rejection(new_id(1), "bad.toml", "line 1: no"), at(second))
    assert words(conn, new_id(1)) == ["REJECTED: line 1: no"]
    assert [entry.at for entry in look.history_of(conn, new_id(1))] == [START.wall]


def test_known_ids(conn: Connection) -> None:
    """Otherwise a crash would make intake read a drop twice, or never finish a refusal."""
    entrance.accept(conn, new_job(1), START)
    entrance.reject(conn, Rejection(new_id(2), "bad.toml", "no"), START)
    entrance.apply(conn, ask("hold", "nobody", number=3), START)
    asked = [new_id(number) for number in range(1, 6)]
    assert entrance.known(conn, asked) == {new_id(1)}
    assert entrance.known(conn, []) == set()


ENDED = "the job has already ended"
NOT_HELD = "the job is not held"
FIRST = "cancel it first"
SUBMITTED = "its run is being submitted"
CHECK = "--i-checked"
ALREADY = "the job is already"
ONLY_UNKNOWN = "only a run whose outcome is unknown can be adopted"

# What comes of cancel, hold, release, retry and adopt: the word that is shown then, or the answer.
TABLE: dict[str, tuple[str, ...]] = {
    "queued": ("CANCELLED", "HELD", NOT_HELD, "QUEUED", ONLY_UNKNOWN),
    "queued, held": ("CANCELLED", ALREADY, "QUEUED", "QUEUED", ONLY_UNKNOWN),
    "staging": ("CANCELLING", "HELD", NOT_HELD, FIRST, ONLY_UNKNOWN),
    "submitting": ("CANCELLING", "HELD", NOT_HELD, FIRST, ONLY_UNKNOWN),
    "unknown": ("CANCELLING", "HELD", NOT_HELD, FIRST, "RUNNING"),
    "running": ("CANCELLING", "HELD", NOT_HELD, FIRST, ONLY_UNKNOWN),
    "harvesting": ("CANCELLING", "HELD", NOT_HELD, FIRST, ONLY_UNKNOWN),
    "staging, held": ("CANCELLING", ALREADY, "STAGING", "WAITING", ONLY_UNKNOWN),
    "submitting, held": ("CANCELLING", ALREADY, "SUBMITTING", SUBMITTED, ONLY_UNKNOWN),
    "unknown, held": ("CANCELLING", ALREADY, "UNKNOWN", CHECK, "RUNNING"),
    "running, held": ("CANCELLING", ALREADY, "RUNNING", CHECK, ONLY_UNKNOWN),
    "harvesting, held": ("CANCELLING", ALREADY, "HARVESTING", "WAITING", ONLY_UNKNOWN),
    "input changed": ("CANCELLING", ALREADY, "STAGING", "WAITING", ONLY_UNKNOWN),
    "unknown outcome": ("CANCELLING", ALREADY, "UNKNOWN", CHECK, "RUNNING"),
    "lost": ("CANCELLING", ALREADY, "RUNNING", "WAITING", ONLY_UNKNOWN),
    "outputs": ("CANCELLING", ALREADY, "HARVESTING", "WAITING", ONLY_UNKNOWN),
    "cancelling": ("CANCELLING", "HELD", NOT_HELD, FIRST, ONLY_UNKNOWN),
    "waiting": ("CANCELLED", "HELD", NOT_HELD, "WAITING", ONLY_UNKNOWN),
    "waiting, held": ("CANCELLED", ALREADY, "WAITING", "WAITING", ONLY_UNKNOWN),
    "succeeded": (ENDED, ENDED, NOT_HELD, "the job has succeeded", ONLY_UNKNOWN),
    "failed": (ENDED, ENDED, NOT_HELD, "WAITING", ONLY_UNKNOWN),
    "cancelled": (ENDED, ENDED, NOT_HELD, "WAITING", ONLY_UNKNOWN),
}
VERBS = ("cancel", "hold", "release", "retry", "adopt")
CASES = [(at, verb, TABLE[at][n]) for at in TABLE for n, verb in enumerate(VERBS)]


def test_the_table_is_whole() -> None:
    """Otherwise a situation or a verb could be forgotten."""
    assert set(VERBS) == set(Verb)
    assert set(TABLE) == {"queued", "queued, held", *SITUATIONS}


@pytest.mark.parametrize(("situation", "verb", "expected"), CASES)
def test_each_request_in_each_situation(
    conn: Connection, situation: str, verb: str, expected: str
) -> None:
    """Otherwise a person's word would be ignored, or would break what the engine relies on."""
    job = situate(conn, situation)
    before = row(conn, "job", job)
    refused = entrance.apply(conn, ask(verb, job), at(10))
    after = row(conn, "job", job)
    if expected in list(Shown):
        assert refused is None
        assert after["shown"] == expected
    else:
        assert refused is not None
        assert expected in refused
        assert tuple(after) == tuple(before), "a refused request changed something"
    check_consistent(conn, job)


def check_consistent(conn: Connection, job: str) -> None:
    """A job is active exactly while it has a live run, and is shown as it stands."""
    stored = row(conn, "job", job)
    live = conn.execute(
        "SELECT count(*) FROM run WHERE job = ? AND state <> 'ended'", (job,)
    ).fetchone()[0]
    assert live == (stored["state"] == "active")
    count = conn.execute("SELECT count(*) FROM run WHERE job = ?", (job,)).fetchone()[0]
    assert count == stored["runs"]
    assert look.history_of(conn, job)[-1].target == stored["shown"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("situation", TABLE)
def test_a_replayed_request_does_nothing(conn: Connection, situation: str, verb: str) -> None:
    """Otherwise a crash after the commit would cancel a job that was retried meanwhile.

    And the answer is the one that was given: a refusal must not turn into silence.
    """
    job = situate(conn, situation)
    answer = entrance.apply(conn, ask(verb, job), at(10))
    before = conn.total_changes
    assert entrance.apply(conn, ask(verb, job), at(20)) == answer
    assert conn.total_changes == before


def test_a_cancelled_queued_job_never_starts(conn: Connection) -> None:
    """Otherwise a job would start after it was cancelled, because a slot was just given to it."""
    job = situate(conn, "queued")
    assert look.startable(conn, "local", START, 9) == [job]
    entrance.apply(conn, ask("cancel", job), START)
    assert look.startable(conn, "local", START, 9) == []
    assert not runs.start(conn, job, new_id(7), key_of("homehome", new_id(7)), START)
    assert words(conn, job)[-1] == "CANCELLED: cancelled on request, before it ran"


def test_a_held_queued_job_stays_and_starts_after_release(conn: Connection) -> None:
    """Otherwise hold would not hold, or would lose the job's place."""
    job = situate(conn, "queued, held")
    second = situate(conn, "queued", 2)
    assert look.startable(conn, "local", at(1e6), 9) == [second]
    assert not runs.start(conn, job, new_id(7), key_of("homehome", new_id(7)), START)
    entrance.apply(conn, ask("release", job), START)
    assert look.startable(conn, "local", START, 9) == [job, second]


@pytest.mark.parametrize("situation", ["waiting, held", "waiting"])
def test_hold_and_release_do_not_shorten_a_wait(conn: Connection, situation: str) -> None:
    """Otherwise a job could be pushed past its retry delay by holding it for a moment."""
    job = situate(conn, situation)
    if situation == "waiting":
        entrance.apply(conn, ask("hold", job, number=901), at(5))
    entrance.apply(conn, ask("release", job), at(10))
    assert row(conn, "job", job)["due"] == START.steady + 600


def test_a_hold_stays_over_the_end_of_a_run(conn: Connection) -> None:
    """Otherwise a job that was held while it ran would start its next run by itself."""
    job = situate(conn, "running, held")
    move(conn, look.work(conn, new_id(501)), WENT_BADLY, AGAIN)
    assert row(conn, "job", job)["shown"] == "HELD"
    assert look.startable(conn, "local", at(1e6), 9) == []
    entrance.apply(conn, ask("release", job), START)
    assert row(conn, "job", job)["shown"] == "WAITING"


def test_a_hold_goes_with_a_job_that_ends(conn: Connection) -> None:
    """Otherwise an ended job could not be retried without a release that says nothing."""
    job = situate(conn, "running, held")
    move(conn, look.work(conn, new_id(501)), WENT_BADLY, FAILED)
    assert (row(conn, "job", job)["shown"], row(conn, "job", job)["want"]) == ("FAILED", "run")


@pytest.mark.parametrize(
    ("situation", "verb"),
    [("running", "cancel"), ("unknown outcome", "cancel"), ("running, held", "cancel")],
)
def test_a_cancel_is_due_at_once(conn: Connection, situation: str, verb: str) -> None:
    """Otherwise a cancel would wait for the next poll, minutes later."""
    job = situate(conn, situation)
    conn.execute("UPDATE run SET due = due + 300")
    entrance.apply(conn, ask(verb, job), at(1))
    assert [due.run for due in look.due_runs(conn, "local", at(1), 9)] == [new_id(501)]


def test_release_does_not_shorten_what_a_service_asked_for(conn: Connection) -> None:
    """Otherwise hold and release would be a way around Retry-After."""
    job = situate(conn, "staging, held")
    conn.execute("UPDATE run SET due = due + 300")
    entrance.apply(conn, ask("release", job), at(1))
    assert look.due_runs(conn, "local", at(1), 9) == []


@pytest.mark.parametrize(
    ("situation", "outcome", "forgotten"),
    [
        ("staging, held", "abandoned", 0),  # nothing was started: what was staged may go
        ("input changed", "abandoned", 0),
        ("unknown outcome", "abandoned", 1),
        ("lost", "lost", 1),
        ("outputs", "abandoned", 1),  # it succeeded, but nothing was published
        ("harvesting, held", "failed", 1),
    ],
)
def test_retry_gives_up_the_run_of_a_held_job(
    conn: Connection, situation: str, outcome: str, forgotten: int
) -> None:
    """Otherwise the job would have two runs, or the old one's end would be a lie."""
    job = situate(conn, situation)
    old = look.work(conn, new_id(501))
    assert entrance.apply(conn, ask("retry", job, confirmed=True), at(10)) is None
    run = row(conn, "run", new_id(501))
    assert (run["state"], run["outcome"], run["forgotten"]) == ("ended", outcome, forgotten)
    assert run["ended_at"] == at(10).wall
    with pytest.raises(StaleError):  # an act that was under way
        runs.move(conn, old, change(NEXT_STEP[old.state]), at(11))
    assert look.startable(conn, "local", at(10), 9) == [job]
    assert start_run(conn, job, 502).number == 2


NEXT_STEP = {
    RunState.STAGING: Event.STAGE_STEP,
    RunState.UNKNOWN: Event.UNCLEAR,
    RunState.RUNNING: Event.ALIVE,
    RunState.HARVESTING: Event.HARVEST_STEP,
}


def test_retry_of_an_unknown_outcome_needs_a_look_by_a_person(conn: Connection) -> None:
    """Otherwise one hasty command would run a job twice."""
    job = situate(conn, "unknown outcome")
    refused = entrance.apply(conn, ask("retry", job, number=901), START)
    assert refused is not None
    assert CHECK in refused
    assert look.work(conn, new_id(501)).state == "unknown"
    assert entrance.apply(conn, ask("retry", job, number=902, confirmed=True), START) is None
    assert row(conn, "job", job)["shown"] == "WAITING"


def test_i_checked_is_no_way_around_a_submit_under_way(conn: Connection) -> None:
    """Otherwise a hold, followed by a retry, would start a job beside its own run."""
    job = situate(conn, "submitting, held")
    refused = entrance.apply(conn, ask("retry", job, confirmed=True), START)
    assert refused is not None
    assert SUBMITTED in refused


def test_a_job_whose_run_was_given_up_in_doubt_needs_a_look_too(conn: Connection) -> None:
    """Otherwise cancel and retry would be a way around the question whether it was started."""
    job = situate(conn, "unknown")
    given_up = change(Event.GIVEN_UP, outcome=Outcome.ABANDONED, job=JobState.CANCELLED)
    move(conn, look.work(conn, new_id(501)), given_up)
    assert row(conn, "job", job)["shown"] == "CANCELLED"
    refused = entrance.apply(conn, ask("retry", job, number=901), START)
    assert refused is not None
    assert CHECK in refused
    assert entrance.apply(conn, ask("retry", job, number=902, confirmed=True), START) is None
    assert row(conn, "job", job)["shown"] == "WAITING"


def test_release_gives_as_many_tries_as_the_first_time(conn: Connection) -> None:
    """Otherwise a released job would be held again at the first answer that is no help."""
    job = situate(conn, "unknown outcome")
    conn.execute("UPDATE run SET tries = 12, misses = 12")
    entrance.apply(conn, ask("release", job), START)
    work = look.work(conn, new_id(501))
    assert (work.tries, work.misses) == (0, 0)


def test_retry_allows_one_run_more_and_takes_inputs_as_they_are(conn: Connection) -> None:
    """Otherwise a retry after a fix would be refused, or run with an input it was not told of."""
    job = new_job(1, "wing", Input("a", "/a", 1, 1, taken=False), Input("b", "b", 1, 1, taken=True))
    entrance.accept(conn, job, START)
    work = start_run(conn, job.id, 501)
    move(conn, work, *[step for step in SITUATIONS["failed"] if not isinstance(step, str)])
    assert entrance.apply(conn, ask("retry", job.id), at(5)) is None
    assert row(conn, "job", job.id)["allowed"] == 2
    assert [it.trusted for it in look.inputs(conn, job.id).values()] == [False, True]
    runs.pin_input(conn, job.id, "a", size=8, mtime_ns=9)
    assert look.inputs(conn, job.id)["a"] == look.InputRow(
        "a", "/a", 8, 9, taken=False, trusted=True
    )
    assert look.work(conn, start_run(conn, job.id, 502).run).runs_allowed == 2


def test_a_retry_is_noted_even_when_nothing_else_changes(conn: Connection) -> None:
    """Otherwise nobody could see later why a waiting job ran early."""
    job = situate(conn, "waiting")
    entrance.apply(conn, ask("retry", job), at(7))
    assert words(conn, job)[-1] == "WAITING: retry requested"
    assert row(conn, "job", job)["due"] == at(7).steady


def test_of_one_name_the_unfinished_job_is_meant(conn: Connection) -> None:
    """Otherwise `cancel wing` would be refused because a wing of last week has ended."""
    situate(conn, "failed", 1)
    second = situate(conn, "queued", 2)
    assert entrance.apply(conn, ask("cancel", "wing"), START) is None
    assert row(conn, "job", second)["shown"] == "CANCELLED"
    refused = entrance.apply(conn, ask("retry", "wing", number=901), START)
    assert refused is not None
    assert refused == f"wing names more than one job: {new_id(1)}, {new_id(2)}; give the id"


def test_many_jobs_of_one_name_make_a_short_answer(conn: Connection) -> None:
    """Otherwise one request would write a megabyte of ids into the log."""
    for number in range(1, 50):
        entrance.accept(conn, new_job(number), START)
    refused = entrance.apply(conn, ask("cancel", "wing"), START)
    assert refused is not None
    assert refused.count("0") < 60
    assert "…" in refused


def test_a_request_for_nobody_is_answered(conn: Connection) -> None:
    """Otherwise a typing error would be silence."""
    refused = entrance.apply(conn, ask("cancel", "wong"), Now(1, 1))
    assert refused == "there is no job wong; `orchestrator status` lists them"


def test_an_adopted_run_goes_on_as_if_it_had_been_found(conn: Connection) -> None:
    """Otherwise a person's word would be lost, or nobody would see later who named the run."""
    job = situate(conn, "unknown outcome")
    conn.execute("UPDATE run SET tries = 9, misses = 9, last_error = 'no idea', due = due + 900")
    request = ask("adopt", job, remote_id="there-7")
    assert entrance.apply(conn, request, at(10)) is None
    work = look.work(conn, new_id(501))
    assert (work.state, work.remote_id, work.started) == ("running", "there-7", at(10).steady)
    assert (work.want, work.tries, work.misses) == ("run", 0, 0)
    run, stored = row(conn, "run", new_id(501)), row(conn, "job", job)
    assert (run["due"], run["last_error"]) == (at(10).steady, None)
    assert (stored["hold_code"], stored["hold_reason"]) == (None, None)
    assert words(conn, job)[-1] == "RUNNING: adopted: a person found it on local as there-7"
    before = conn.total_changes
    assert entrance.apply(conn, request, at(20)) is None
    assert conn.total_changes == before, "a replay did something"


@pytest.mark.parametrize("other", ["running", "harvesting", "succeeded"])
def test_a_run_that_is_another_jobs_is_not_adopted(conn: Connection, other: str) -> None:
    """Otherwise one job would be given the results of another, or the daemon would stop there."""
    job, whose = situate(conn, "unknown outcome", 1), situate(conn, other, 2)
    known = str(look.work(conn, new_id(502)).remote_id)
    for number, taken in enumerate((known, known.upper()), start=903):
        refused = entrance.apply(conn, ask("adopt", job, remote_id=taken, number=number), START)
        assert refused == f"{taken} on local is run 1 of job {whose} (wing) already"
    assert look.work(conn, new_id(501)).state == "unknown"
    assert row(conn, "job", job)["want"] == "hold"


def test_another_backend_may_have_a_run_of_the_same_name(conn: Connection) -> None:
    """Otherwise two services that both count from one could not be used together."""
    job, whose = situate(conn, "unknown outcome", 1), new_job(2, backend="cluster")
    entrance.accept(conn, whose, START)
    taken = move(conn, start_run(conn, whose.id, 502), STAGED, ACCEPTED).remote_id
    assert entrance.apply(conn, ask("adopt", job, remote_id=taken), START) is None
    assert look.work(conn, new_id(501)).remote_id == taken


def test_adopting_does_not_take_back_a_cancel(conn: Connection) -> None:
    """Otherwise work that a person wants to stop would go on once it is found."""
    job = situate(conn, "unknown outcome")
    entrance.apply(conn, ask("cancel", job, number=901), START)
    assert entrance.apply(conn, ask("adopt", job, number=902), START) is None
    assert row(conn, "job", job)["shown"] == "CANCELLING"
    assert look.work(conn, new_id(501)).state == "running"
