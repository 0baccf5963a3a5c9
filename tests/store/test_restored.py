"""What a restored queue is told: nothing that may have been started since is started by itself."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from orchestrator.core.ids import key_of
from orchestrator.core.lifecycle import Outcome
from orchestrator.store import audit, entrance, look, restored
from orchestrator.store.home import found_home, read_home
from orchestrator.store.restored import Found
from orchestrator.store.results import EndedRun
from orchestrator.store.sqlite import Connection, engine
from tests.store.keeping import ANCHOR
from tests.store.making import (
    SITUATIONS,
    START,
    ask,
    at,
    new_id,
    new_job,
    open_queue,
    row,
    situate,
)

RULES = ("live_runs", "run_numbers", "success_proved", "history_chain", "history_end")
SHA256 = "e" * 64


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    """Return an empty queue."""
    with closing(open_queue(tmp_path)) as conn:
        yield conn


def in_order(conn: Connection) -> bool:
    """Whether everything that fsck asks of the rows holds."""
    assert [audit.broken(conn, rule) for rule in RULES] == [[]] * len(RULES)
    assert audit.misshown(conn) == []
    return True


def live(conn: Connection, job: str) -> tuple[str, int] | None:
    """Return state and suspicion of a job's live run."""
    sql = "SELECT state, suspect FROM run WHERE job = ? AND state <> 'ended'"
    found = conn.execute(sql, (job,)).fetchone()
    return None if found is None else tuple(found)


UNTOUCHED = {"succeeded", "failed", "cancelled"}
WAITING = {"waiting", "waiting, held"}
SOUGHT = {"staging", "submitting", "unknown"}


@pytest.mark.parametrize("situation", ["queued", "queued, held", *SITUATIONS])
def test_what_is_not_ended_is_held_or_looked_for(conn: Connection, situation: str) -> None:
    """A job would be started that had been started after the copy was made."""
    job = situate(conn, situation)
    before = row(conn, "job", job)["shown"], live(conn, job)
    restored.doubt_everything(conn, "restored", START)
    now = row(conn, "job", job)
    assert in_order(conn)
    if situation in UNTOUCHED:
        assert (now["shown"], live(conn, job)) == before
    elif before[1] is None:
        assert (now["shown"], now["hold_code"]) == ("HELD", "unknown")
        assert now["hold_reason"].startswith("restored: it may have been started since")
    else:
        state = "unknown" if before[1][0] in SOUGHT else before[1][0]
        assert live(conn, job) == (state, 1)
        assert now["shown"] == (before[0] if before[0] in {"HELD", "CANCELLING"} else state.upper())
    for seconds in (0.0, 1e9):
        assert look.startable(conn, "local", at(seconds), 10) == []


def test_the_words_of_an_earlier_hold_are_kept(conn: Connection) -> None:
    """The person who held a job would not learn any more why."""
    job = situate(conn, "queued, held")
    restored.doubt_everything(conn, "restored", START)
    assert row(conn, "job", job)["hold_reason"].endswith(
        "; before that: held on request; release it to go on"
    )
    held = row(conn, "job", job)["hold_reason"]
    restored.doubt_everything(conn, "restored again", START)
    assert row(conn, "job", job)["hold_reason"] == held, "it grows with each restore"


def test_nothing_starts_while_a_run_is_still_looked_for(conn: Connection) -> None:
    """New runs would go to a backend where nobody has looked for the old ones yet."""
    situate(conn, "submitting", 1)
    restored.doubt_everything(conn, "restored", START)
    entrance.accept(conn, new_job(2), START)
    entrance.accept(conn, new_job(3, backend="other"), START)
    assert look.startable(conn, "local", START, 10) == []
    assert look.startable(conn, "other", START, 10) == [new_id(3)]
    assert entrance.apply(conn, ask("hold", new_id(1)), START) is None  # it waits for a person now
    assert look.startable(conn, "local", START, 10) == [new_id(2)]


@pytest.mark.parametrize("state", ["staging", "submitting"])
def test_the_database_itself_keeps_a_suspect_run_from_being_submitted(
    conn: Connection, state: str
) -> None:
    """One fault in the engine would be enough to run a job twice."""
    situate(conn, "unknown")
    restored.doubt_everything(conn, "restored", START)
    with pytest.raises(engine.IntegrityError):
        conn.execute("UPDATE run SET state = ?", (state,))


def found(run: str, number: int = 1, outcome: Outcome = Outcome.SUCCEEDED) -> Found:
    """Return a published result of the first job's run."""
    ended = EndedRun(
        key=f"orch-homehome-{run}",
        job_id=new_id(1),
        job_name="wing",
        number=number,
        backend="local",
        remote_id=f"remote {run}",
        outcome=outcome,
        exit_code=0,
        reason="exit code 0",
    )
    return Found(ended, SHA256)


def adopt(conn: Connection, *results: Found) -> int:
    """Let the first job take over results that were published since."""
    fresh = (key_of("homehome", new_id(number)) for number in count(700))
    numbered = {result.run.number: result for result in results}
    return restored.adopt(conn, new_id(1), numbered, START, lambda: next(fresh))


@pytest.mark.parametrize("situation", ["queued", "queued, held", *SITUATIONS])
def test_results_of_the_next_run_are_taken_over(conn: Connection, situation: str) -> None:
    """A job whose results lie there would be held, or run once more."""
    job = situate(conn, situation)
    if situation == "succeeded":
        return  # such a job gets no further run
    before = row(conn, "job", job)["runs"]
    assert adopt(conn, found(new_id(800), before + 1)) == 1
    now = row(conn, "job", job)
    assert (now["state"], now["want"], now["runs"]) == ("succeeded", "run", before + 1)
    last = row(conn, "run", new_id(800))
    assert (last["state"], last["manifest_sha256"], last["suspect"]) == ("ended", SHA256, 1)
    assert in_order(conn)
    restored.doubt_everything(conn, "restored", START)
    assert live(conn, job) is None


@pytest.mark.parametrize(
    "situation",
    [name for name in SITUATIONS if name not in {*UNTOUCHED, "waiting", "waiting, held"}],
)
def test_results_of_the_open_run_are_taken_over(conn: Connection, situation: str) -> None:
    """A run that was published and forgotten could not be found any more, and would be held."""
    job = situate(conn, situation)
    assert adopt(conn, found(new_id(501))) == 1
    run = row(conn, "run", new_id(501))
    assert (run["state"], run["outcome"], run["manifest_sha256"]) == ("ended", "succeeded", SHA256)
    assert row(conn, "job", job)["state"] == "succeeded"
    assert in_order(conn)


@pytest.mark.parametrize(
    ("outcome", "attempts", "shown"),
    [
        (Outcome.SUCCEEDED, 2, "SUCCEEDED"),
        (Outcome.CANCELLED, 2, "CANCELLED"),
        (Outcome.FAILED, 1, "FAILED"),
        (Outcome.FAILED, 2, "HELD"),  # its second run may have been started
    ],
)
def test_results_decide_what_becomes_of_the_job(
    conn: Connection, outcome: Outcome, attempts: int, shown: str
) -> None:
    """A job would be run again by itself, or wait for a person who has nothing to decide."""
    entrance.accept(conn, new_job(1, retry={"attempts": attempts, "on": ["failed"]}), START)
    assert adopt(conn, found(new_id(800), outcome=outcome)) == 1
    assert row(conn, "job", new_id(1))["shown"] == shown
    assert look.startable(conn, "local", at(1e9), 10) == []
    assert in_order(conn)


@pytest.mark.parametrize("situation", ["queued", "running", "harvesting", "waiting", "failed"])
def test_runs_before_the_one_with_results_are_counted(conn: Connection, situation: str) -> None:
    """Runs would be numbered anew, and a result stand in the way of another."""
    job = situate(conn, situation)
    assert adopt(conn, found(new_id(800), 4)) == 1
    assert row(conn, "job", job)["runs"] == 4
    assert row(conn, "job", job)["state"] == "succeeded"
    assert in_order(conn)


def test_results_of_another_run_than_ours_are_not_taken_over(conn: Connection) -> None:
    """A result that somebody copied there would pass for that of our run, which may be alive."""
    job = situate(conn, "running")
    assert adopt(conn, found(new_id(800))) == 0
    assert live(conn, job) == ("running", 0)
    assert in_order(conn)


def test_what_is_known_already_is_left_as_it_is(conn: Connection) -> None:
    """A restore made twice would write everything twice."""
    situate(conn, "queued")
    assert adopt(conn, found(new_id(800))) == 1
    before = list(map(tuple, conn.execute("SELECT * FROM history").fetchall()))
    assert adopt(conn, found(new_id(800))) == 0
    assert list(map(tuple, conn.execute("SELECT * FROM history").fetchall())) == before


def test_a_request_answered_since_is_not_carried_out_again(conn: Connection) -> None:
    """A release that was meant for the queue as it was would start a job that restore held."""
    job = situate(conn, "queued")
    restored.doubt_everything(conn, "restored", START)
    release = ask("release", job, number=50)
    restored.note_request(conn, new_id(51), release, START)
    restored.note_request(conn, new_id(51), release, START)
    assert entrance.apply(conn, release, START) == restored.ASK_AGAIN
    assert row(conn, "job", job)["want"] == "hold"
    assert audit.ids(conn, "requests") == {new_id(50), new_id(51)}


def test_entries_are_numbered_after_those_in_the_log(conn: Connection) -> None:
    """Two lines of status.log would have one number, and old lines be written once more."""
    found_home(conn, "homehome", ANCHOR)
    situate(conn, "succeeded")
    last = look.last_history(conn)
    restored.number_history_from(conn, 500)
    entrance.accept(conn, new_job(2), START)
    assert [entry.seq for entry in look.history_after(conn, last, -1)] == [501]
    home = read_home(conn)
    assert home is not None
    assert home.status_cursor == last
    restored.number_history_from(conn, 3)
    entrance.accept(conn, new_job(3), START)
    assert look.last_history(conn) == 502
