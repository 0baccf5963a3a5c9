"""Jobs that need the same thing to themselves: one has it, the others stand in line for it."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace

import pytest

from orchestrator.core.after import Waits
from orchestrator.core.lifecycle import JobState, Outcome, RunState
from orchestrator.core.work import Change
from orchestrator.store import entrance, look, restored, runs, views
from orchestrator.store.restored import Found
from orchestrator.store.results import EndedRun
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
    empty_queue,
    in_order,
    move,
    new_id,
    new_job,
    row,
    start_run,
)

RULES = (
    "live_runs", "leases", "in_line", "waits", "in_order", "history_chain", "history_end",
    "success_proved",
)  # fmt: skip
STUDY = "https://studies/ study 21"
BEGIN = """INSERT INTO run (id, key, job, number, backend, state, lease, due, created_at)
VALUES (:id, 'k', :job, 1, 'local', 'staging', :lease, 0, 0)"""
ENTRIES = "SELECT count(*) FROM history WHERE reason LIKE 'waits for %'"


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return an empty queue."""
    with empty_queue(tmp_path_factory.mktemp("line")) as conn:
        yield conn


@pytest.fixture
def conn(queue: Connection) -> Iterator[Connection]:
    """Return the empty queue; what a test writes is undone, after it was found to be in order."""
    with in_order(queue, RULES) as conn:
        yield conn


def take(
    conn: Connection, number: int, name: str, *, lease: str | None = STUDY, **spec: object
) -> str:
    """Accept a job that needs the study to itself, or something else; return its id."""
    job = replace(new_job(number, name, **spec), lease=lease)
    assert entrance.accept(conn, job, START)
    return job.id


def run(conn: Connection, job: str, *changes: Change | str) -> None:
    """Give a job a run, and let it come so far."""
    number = 500 + conn.execute("SELECT count(*) FROM run").fetchone()[0]
    work = start_run(conn, job, number)
    for step in changes:
        if isinstance(step, Change):
            work = move(conn, work, step)
        else:
            assert entrance.apply(conn, ask(step, job, number=number + 300), START) is None


def go_on(conn: Connection, job: str, *changes: Change) -> None:
    """Let more happen to the live run of a job."""
    live = conn.execute("SELECT id FROM run WHERE job = ? AND state <> 'ended'", (job,)).fetchone()
    move(conn, look.work(conn, live["id"]), *changes)


def startable(conn: Connection, backend: str = "local", limit: int = 100) -> list[str]:
    """Return what may start now."""
    return look.startable(conn, backend, at(1e6), limit)


def said(conn: Connection, job: str) -> str:
    """Return the last that was said of a job."""
    entry = look.history_of(conn, job)[-1]
    return f"{entry.target}: {entry.reason}"


def reason(conn: Connection, job: str) -> str:
    """Return why a job stands where it does, as the list of jobs tells it."""
    (line,) = (it for it in views.jobs(conn, "unfinished") if it.id == job)
    return f"{line.shown}: {line.reason}"


def test_the_next_starts_when_the_first_has_ended(conn: Connection) -> None:
    """Two jobs would work on one study at once, and each spoil what the other computes."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor")
    assert startable(conn) == [wing], "the second would take a place for nothing"
    assert row(conn, "job", rotor)["shown"] == "QUEUED"
    run(conn, wing)
    assert said(conn, wing) == f"STAGING: a slot is free; it has {STUDY} to itself"
    assert said(conn, rotor) == f"WAITING: waits for {STUDY}, which wing ({wing}) has"
    for change in (STAGED, ACCEPTED, WENT_WELL):
        go_on(conn, wing, change)
        assert startable(conn) == []
        assert reason(conn, rotor) == f"WAITING: waits for {STUDY}, which wing ({wing}) has"
    go_on(conn, wing, SUCCEEDED)
    assert startable(conn) == [rotor]
    assert reason(conn, rotor) == "WAITING: accepted"
    run(conn, rotor)


def test_a_job_that_is_taken_later_is_told_at_once(conn: Connection) -> None:
    """Its first line would say that it is queued, and nobody would know what for."""
    wing = take(conn, 1, "wing")
    run(conn, wing)
    rotor = take(conn, 2, "rotor")
    first, second = look.history_of(conn, rotor)
    assert (first.target, first.reason) == ("WAITING", "accepted from rotor.json")
    assert second.reason == f"waits for {STUDY}, which wing ({wing}) has"


def test_what_waits_stops_nobody(conn: Connection) -> None:
    """One study that is taken would stop the whole queue behind it."""
    run(conn, take(conn, 1, "wing"))
    for number in (2, 3, 4):
        take(conn, number, f"rotor-{number}")
    other = take(conn, 5, "other", lease="another study")
    free = [take(conn, number, f"free-{number}", lease=None) for number in (6, 7)]
    assert startable(conn) == [other, *free]
    assert startable(conn, limit=2) == [other, free[0]]
    assert startable(conn, limit=1) == [other]


def test_they_are_served_in_the_order_of_acceptance_on_whatever_backend(conn: Connection) -> None:
    """Jobs of one backend would pass those of another for ever."""
    first = take(conn, 2, "first", backend="there")
    second = take(conn, 1, "second")
    assert (startable(conn), startable(conn, "there")) == ([second], [first])
    assert look.in_order(conn, [second, first]) == [first, second]
    run(conn, first)
    assert (startable(conn), startable(conn, "there")) == ([], [])


@pytest.mark.parametrize("why", ["held", "waits for a job", "pauses"])
def test_who_cannot_start_keeps_nobody_waiting(conn: Connection, why: str) -> None:
    """A study would stand idle for days, for the sake of a job that cannot use it."""
    spec = {"after": ["never"]} if why == "waits for a job" else {"retry": {"attempts": 2}}
    wing = take(conn, 1, "wing", **spec)
    if why == "held":
        assert entrance.apply(conn, ask("hold", wing), START) is None
    elif why == "pauses":
        run(conn, wing, STAGED, ACCEPTED, WENT_BADLY, AGAIN)
    rotor = take(conn, 2, "rotor")
    assert look.startable(conn, "local", at(1), 9) == [rotor]
    run(conn, rotor)
    assert startable(conn) == []
    if why == "pauses":
        assert reason(conn, wing) == f"WAITING: waits for {STUDY}, which rotor ({rotor}) has"
    go_on(conn, rotor, STAGED, ACCEPTED, WENT_WELL, SUCCEEDED)
    assert startable(conn) == ([wing] if why == "pauses" else [])


@pytest.mark.parametrize("situation", SITUATIONS)
def test_it_is_kept_until_the_run_has_ended(conn: Connection, situation: str) -> None:
    """A held, lost or doubtful run may be at work: another would meet it in the study."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor")
    run(conn, wing, *SITUATIONS[situation])
    live = conn.execute("SELECT count(*) FROM run WHERE state <> 'ended'").fetchone()[0]
    assert (rotor in look.startable(conn, "local", at(1), 9)) == (live == 0)
    waits = reason(conn, rotor).startswith(f"WAITING: waits for {STUDY}, which wing ({wing}) has")
    assert waits == (live == 1)
    held = row(conn, "job", wing)["want"] == "hold"
    assert reason(conn, rotor).endswith("has, and that job is held") == (held and live == 1)


def test_a_run_that_is_given_up_lets_it_go(conn: Connection) -> None:
    """The study of a run that a person gave up could never be used again."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor")
    run(conn, wing, *SITUATIONS["lost"])
    assert startable(conn) == []
    assert entrance.apply(conn, ask("retry", wing), START) is None
    assert startable(conn) == [wing], "it was accepted first"
    assert entrance.apply(conn, ask("hold", wing, number=901), START) is None
    assert startable(conn) == [rotor]


def test_a_person_who_asks_for_another_run_is_told_who_has_it(conn: Connection) -> None:
    """A retried or released job would seem to hang."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor")
    run(conn, wing, STAGED, ACCEPTED, WENT_BADLY, FAILED)
    held = take(conn, 3, "held")
    assert entrance.apply(conn, ask("hold", held, number=901), START) is None
    run(conn, rotor)
    told = f"WAITING: waits for {STUDY}, which rotor ({rotor}) has"
    assert entrance.apply(conn, ask("retry", wing, number=902), START) is None
    assert said(conn, wing) == told
    assert row(conn, "job", held)["shown"] == "HELD"
    assert entrance.apply(conn, ask("release", held, number=903), START) is None
    assert said(conn, held) == told
    view = views.job(conn, held)
    assert view is not None
    assert (view.lease, view.in_line_for) == (STUDY, f"{STUDY}, which rotor ({rotor}) has")


def test_a_job_after_others_is_told_of_the_study_in_its_turn(conn: Connection) -> None:
    """What it waits for would change without a word."""
    mesh, rotor = take(conn, 1, "mesh", lease=None), take(conn, 2, "rotor")
    wing = take(conn, 3, "wing", after=["mesh"])
    run(conn, rotor)
    assert reason(conn, wing) == f"WAITING: waits for mesh ({mesh}), which is queued"
    run(conn, mesh, STAGED, ACCEPTED, WENT_WELL, SUCCEEDED)
    told = f"WAITING: waits for {STUDY}, which rotor ({rotor}) has"
    assert (said(conn, wing), reason(conn, wing)) == (told, told)
    assert startable(conn) == []
    late = take(conn, 4, "late", after=["mesh"])
    assert [it.reason for it in look.history_of(conn, late)][1:] == [told.removeprefix("WAITING: ")]
    go_on(conn, rotor, STAGED, ACCEPTED, WENT_WELL, SUCCEEDED)
    assert startable(conn) == [wing]


def test_a_run_is_not_given_early_to_a_place_without_the_study(conn: Connection) -> None:
    """A place that holds runs back would be given two of one study."""
    mesh = take(conn, 1, "mesh")
    wing = take(conn, 2, "wing", after=["mesh"])
    plot = take(conn, 3, "plot", after=["mesh"], lease=None)
    run(conn, mesh, STAGED, ACCEPTED)
    assert row(conn, "job", wing)["waits"] == Waits.BEHIND
    assert look.startable(conn, "local", START, 9, Waits.BEHIND) == [plot]
    assert not runs.start(conn, wing, new_id(700), "orch-homehome-x", START)
    assert reason(conn, wing) == f"WAITING: waits for mesh ({mesh}), which is running"
    go_on(conn, mesh, WENT_WELL, SUCCEEDED)
    assert startable(conn) == [wing, plot]


def test_nothing_gives_a_run_to_a_job_without_the_study(conn: Connection) -> None:
    """A look that is older than the start of another would start it, or a fault in the program."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor")
    run(conn, wing)
    assert not runs.start(conn, rotor, new_id(700), "orch-homehome-x", START)
    values = {"id": new_id(700), "job": rotor}
    with pytest.raises(engine.IntegrityError, match=r"UNIQUE constraint failed: run\.lease"):
        conn.execute(BEGIN, values | {"lease": STUDY})
    for other in (None, "another"):
        with pytest.raises(engine.IntegrityError, match="begins with what its job needs"):
            conn.execute(BEGIN, values | {"lease": other})


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_database_lets_nobody_in_before_the_end(conn: Connection, situation: str) -> None:
    """A fault in the program would let a second run meet the first where it still works."""
    run(conn, take(conn, 1, "wing"), *SITUATIONS[situation])
    rotor = take(conn, 2, "rotor")
    live = conn.execute("SELECT count(*) FROM run WHERE state <> 'ended'").fetchone()[0]
    with nullcontext() if live == 0 else pytest.raises(engine.IntegrityError, match=r"run\.lease"):
        conn.execute("SAVEPOINT fault")
        conn.execute(BEGIN, {"id": new_id(700), "job": rotor, "lease": STUDY})
    conn.execute("ROLLBACK TO fault")


@pytest.mark.parametrize("table", ["job", "run"])
def test_what_is_needed_never_changes(conn: Connection, table: str) -> None:
    """A run would go on without the study that it began with."""
    run(conn, take(conn, 1, "wing"))
    with pytest.raises(engine.IntegrityError, match="keeps its lease"):
        conn.execute(f"UPDATE {table} SET lease = NULL")  # noqa: S608 - ours


def test_a_study_that_a_held_job_has_keeps_nobody_from_ending(conn: Connection) -> None:
    """`serve --until-idle` would never end, or end with 0 though a job never ran."""
    run(conn, take(conn, 1, "wing"), "hold")
    rotor = take(conn, 2, "rotor")
    before = look.last_history(conn)
    assert look.movable(conn, ["local"]) == 0
    assert look.unsuccessful_since(conn, before) == 1
    assert entrance.apply(conn, ask("cancel", rotor), START) is None
    assert look.unsuccessful_since(conn, look.last_history(conn)) == 0


def test_a_long_line_is_told_once(conn: Connection) -> None:
    """Each change of hands would write a line for each job that waits: a million for a thousand."""
    first = take(conn, 1, "first")
    for number in range(2, 400):
        take(conn, number, "other")
    run(conn, first)
    assert conn.execute(ENTRIES).fetchone()[0] == 398
    go_on(conn, first, STAGED, ACCEPTED, WENT_WELL, SUCCEEDED)
    (second,) = startable(conn)
    run(conn, second)
    assert conn.execute(ENTRIES).fetchone()[0] == 398


def test_a_restored_run_keeps_it_until_it_is_known_what_became_of_it(conn: Connection) -> None:
    """The run that was under way when the copy was made may be at work in the study still."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor")
    run(conn, wing, STAGED, DOUBTFUL)
    late = replace(new_job(3, "late"), lease=STUDY)
    assert entrance.add(conn, late, START)
    restored.doubt_everything(conn, "restored", START)
    for number, job in enumerate((rotor, late.id), start=901):
        assert entrance.apply(conn, ask("release", job, number=number), START) is None
        assert said(conn, job) == f"WAITING: waits for {STUDY}, which wing ({wing}) has"
    assert startable(conn) == []


def test_results_of_later_runs_are_taken_over_whoever_had_it_then(conn: Connection) -> None:
    """A restore would fail, or lose the results of a job that came later in the line."""
    wing, rotor = take(conn, 1, "wing"), take(conn, 2, "rotor", retry={"attempts": 2})
    run(conn, wing)
    ended = EndedRun(
        key=f"orch-homehome-{new_id(601)}",
        job_id=rotor,
        job_name="rotor",
        number=1,
        backend="local",
        remote_id="r",
        outcome=Outcome.FAILED,
        exit_code=1,
        reason="ended",
    )
    assert restored.adopt(conn, rotor, {1: Found(ended, "e" * 64)}, START, str) == 1
    restored.doubt_everything(conn, "restored", START)
    assert row(conn, "job", rotor)["state"] == JobState.QUEUED
    assert row(conn, "run", new_id(601))["state"] == RunState.ENDED
    assert row(conn, "run", new_id(500))["lease"] == STUDY
