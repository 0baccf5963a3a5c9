"""Jobs that come after others: what is meant, when they are let go, and how they end."""

from collections.abc import Iterator

import pytest

from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import Event, Outcome
from orchestrator.store import entrance, look, restored, runs, views, waiting
from orchestrator.store.restored import Found
from orchestrator.store.results import EndedRun
from orchestrator.store.sqlite import Connection, engine
from tests.store.making import (
    ACCEPTED,
    AGAIN,
    FAILED,
    STAGED,
    START,
    SUCCEEDED,
    WENT_BADLY,
    WENT_WELL,
    ask,
    at,
    empty_queue,
    hold,
    in_order,
    move,
    new_id,
    new_job,
    row,
    start_run,
)

RULES = ("live_runs", "waits", "in_order", "history_chain", "history_end", "success_proved")


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return an empty queue."""
    with empty_queue(tmp_path_factory.mktemp("waiting")) as conn:
        yield conn


@pytest.fixture
def conn(queue: Connection) -> Iterator[Connection]:
    """Return the empty queue; what a test writes is undone, after it was found to be in order."""
    with in_order(queue, RULES) as conn:
        yield conn


def take(conn: Connection, number: int, name: str, *after: str, **spec: object) -> str:
    """Accept a job; return its id."""
    job = new_job(number, name, after=after, **spec)
    assert entrance.accept(conn, job, START)
    return job.id


def run(conn: Connection, job: str, *changes: object) -> None:
    """Give a job a run, and let it come so far."""
    number = 500 + conn.execute("SELECT count(*) FROM run").fetchone()[0]
    move(conn, start_run(conn, job, number), STAGED, ACCEPTED, *changes)  # type: ignore[arg-type]


def succeed(conn: Connection, job: str) -> None:
    """Run a job to its good end."""
    run(conn, job, WENT_WELL, SUCCEEDED)


def fail(conn: Connection, job: str) -> None:
    """Run a job to its bad end."""
    run(conn, job, WENT_BADLY, FAILED)


def startable(conn: Connection) -> list[str]:
    """Return what may start now."""
    return look.startable(conn, "local", at(1e6), 100)


def said(conn: Connection, job: str) -> str:
    """Return the last that was said of a job."""
    entry = look.history_of(conn, job)[-1]
    return f"{entry.target}: {entry.reason}"


def waits_for(conn: Connection, job: str) -> str | None:
    """Return what a job waits for, as people see it."""
    view = views.job(conn, job)
    assert view is not None
    return view.waits_for


def test_a_job_starts_after_the_one_it_names(conn: Connection) -> None:
    """A solver would start without its mesh."""
    mesh = take(conn, 1, "mesh")
    solve = take(conn, 2, "solve", "mesh")
    assert startable(conn) == [mesh]
    assert said(conn, solve) == f"WAITING: waits for mesh ({mesh}), which is queued"
    run(conn, mesh)
    assert waits_for(conn, solve) == f"mesh ({mesh}), which is running"
    (line,) = (it for it in views.jobs(conn, "unfinished") if it.id == solve)
    assert (line.shown, line.reason) == ("WAITING", f"waits for mesh ({mesh}), which is running")
    move(conn, look.work(conn, new_id(500)), WENT_WELL)
    assert startable(conn) == [], "its results are not here yet"
    move(conn, look.work(conn, new_id(500)), SUCCEEDED)
    assert startable(conn) == [solve]
    assert waits_for(conn, solve) is None
    assert said(conn, solve) == f"QUEUED: all that it comes after have succeeded: mesh ({mesh})"
    succeed(conn, solve)


def test_nothing_gives_a_run_to_a_job_that_waits(conn: Connection) -> None:
    """A look that is older than the wait would start it, or a fault in the program."""
    solve = take(conn, 1, "solve", "mesh")
    assert not runs.start(conn, solve, new_id(2), "orch-homehome-x", START)
    values = {"id": new_id(2), "job": solve}
    with pytest.raises(engine.IntegrityError, match="does not begin before"):
        conn.execute(
            "INSERT INTO run (id, key, job, number, backend, state, due, created_at)"
            " VALUES (:id, 'k', :job, 1, 'local', 'staging', 0, 0)",
            values,
        )


def test_it_waits_for_all_of_them(conn: Connection) -> None:
    """A job would start after the first of its meshes."""
    meshes = [take(conn, n, f"mesh-{n}") for n in (1, 2, 3)]
    solve = take(conn, 4, "solve", "mesh-1", "mesh-2", "mesh-3")
    for mesh in meshes:
        assert solve not in startable(conn)
        succeed(conn, mesh)
    assert startable(conn) == [solve]


def test_the_order_of_a_batch_does_not_matter(conn: Connection) -> None:
    """Of files that are dropped together, which is taken first is chance."""
    solve = take(conn, 1, "solve", "mesh")
    assert said(conn, solve) == "WAITING: waits for a job named mesh: none was taken yet"
    mesh = take(conn, 2, "mesh")
    assert said(conn, solve) == f"WAITING: waits for mesh ({mesh}), which is queued"
    other = take(conn, 3, "mesh")
    succeed(conn, other)
    assert startable(conn) == [mesh], "the first of that name was meant"
    succeed(conn, mesh)
    assert startable(conn) == [solve]


def test_a_name_means_the_newest_job_before(conn: Connection) -> None:
    """A job would go on with last week's mesh."""
    succeed(conn, take(conn, 1, "mesh"))
    newest = take(conn, 2, "mesh")
    solve = take(conn, 3, "solve", "mesh")
    take(conn, 4, "mesh")
    assert waits_for(conn, solve) == f"mesh ({newest}), which is queued"


def test_a_job_never_comes_after_itself(conn: Connection) -> None:
    """Of two jobs of one name, the second would wait for itself for ever."""
    first = take(conn, 1, "step")
    second = take(conn, 2, "step", "step")
    assert waits_for(conn, second) == f"step ({first}), which is queued"
    alone = take(conn, 3, "alone", "alone", new_id(3))
    assert said(conn, alone).startswith("WAITING: waits for a job named alone: none was taken yet")


@pytest.mark.parametrize("length", [3, 5, 12])
def test_an_id_or_its_beginning_names_a_job(conn: Connection, length: int) -> None:
    """A script that got an id from `submit` could not chain jobs by it."""
    mesh = take(conn, 1, "mesh")
    take(conn, 2, "mesh")
    solve = take(conn, 3, "solve", mesh[:length])
    assert waits_for(conn, solve) == f"mesh ({mesh}), which is queued"


def test_a_beginning_that_several_ids_have_is_none(conn: Connection) -> None:
    """A job would come after one that chance had chosen."""
    first, second = take(conn, 1, "mesh"), take(conn, 1 + 32**3, "mesh")
    assert first[:3] == second[:3]
    for number, word in enumerate((first[:3], first[:2], "meshes"), start=2):
        solve = take(conn, number, "solve", word)
        assert waits_for(conn, solve) == f"a job named {word}: none was taken yet"


@pytest.mark.parametrize("how", ["failed", "cancelled", "deadline", "failed before"])
def test_what_comes_after_ends_with_the_one_before(conn: Connection, how: str) -> None:
    """Jobs would wait for ever for one that has failed, or run without what it was to make."""
    mesh = take(conn, 1, "mesh")
    if how == "failed before":
        fail(conn, mesh)
    solve = take(conn, 2, "solve", "mesh")
    plot = take(conn, 3, "plot", "other", "solve")
    if how == "failed":
        fail(conn, mesh)
    elif how == "cancelled":
        assert entrance.apply(conn, ask("cancel", mesh), START) is None
    elif how == "deadline":
        waiting.end_queued(conn, mesh, "failed", "its deadline passed", START)  # type: ignore[arg-type]
    word = "was cancelled" if how == "cancelled" else "failed"
    assert said(conn, solve) == (
        f"CANCELLED: not started: mesh ({mesh}), which it comes after, {word}"
    )
    assert said(conn, plot) == (
        f"CANCELLED: not started: solve ({solve}), which it comes after, was cancelled"
    )
    assert row(conn, "job", solve)["runs"] == 0
    assert startable(conn) == []


def test_an_automatic_retry_is_waited_for(conn: Connection) -> None:
    """A whole study would be given up for a failure that the next run mends."""
    mesh = take(conn, 1, "mesh", retry={"attempts": 2})
    solve = take(conn, 2, "solve", "mesh")
    run(conn, mesh, WENT_BADLY, AGAIN)
    assert waits_for(conn, solve) == f"mesh ({mesh}), which is waiting"
    succeed(conn, mesh)
    assert startable(conn) == [solve]


def test_a_person_retries_both_in_their_order(conn: Connection) -> None:
    """What ended for the sake of another could never be run again, or would end at once again."""
    mesh = take(conn, 1, "mesh")
    solve = take(conn, 2, "solve", "mesh")
    fail(conn, mesh)
    refused = entrance.apply(conn, ask("retry", solve), START)
    assert refused == f"it could not start: mesh ({mesh}), which it comes after, failed"
    for number, job in enumerate((mesh, solve), start=901):
        assert entrance.apply(conn, ask("retry", job, number=number), START) is None
    assert startable(conn) == [mesh]
    assert waits_for(conn, solve) == f"mesh ({mesh}), which is waiting"
    succeed(conn, mesh)
    assert startable(conn) == [solve]
    assert said(conn, solve) == f"QUEUED: all that it comes after have succeeded: mesh ({mesh})"


def test_a_held_job_is_left_alone_until_it_is_released(conn: Connection) -> None:
    """A person's hold would be overtaken; or the job would wait for ever after it."""
    mesh = take(conn, 1, "mesh")
    solve = take(conn, 2, "solve", "mesh")
    assert entrance.apply(conn, ask("hold", solve), START) is None
    fail(conn, mesh)
    assert row(conn, "job", solve)["shown"] == "HELD"
    assert entrance.apply(conn, ask("release", solve, number=901), START) is None
    assert said(conn, solve).startswith("CANCELLED: not started: mesh")


def test_a_held_job_before_it_is_waited_for(conn: Connection) -> None:
    """A person who looks at a lost run would find that all that waited for it is gone."""
    mesh = take(conn, 1, "mesh")
    solve = take(conn, 2, "solve", "mesh")
    run(conn, mesh, hold(Event.ALIVE, "lost"))
    assert waits_for(conn, solve) == f"mesh ({mesh}), which is held"
    assert entrance.apply(conn, ask("retry", mesh), START) is None
    succeed(conn, mesh)
    assert startable(conn) == [solve]


def test_a_circle_is_told(conn: Connection) -> None:
    """Two jobs would wait for each other, silently and for ever."""
    one = take(conn, 1, "a", "c")
    two = take(conn, 2, "b", "a")
    three = take(conn, 3, "c", "b")
    assert said(conn, one) == (
        f"CANCELLED: not started: it comes after c ({three}), and that, in the end, after this job"
    )
    assert said(conn, two).startswith(f"CANCELLED: not started: a ({one}), which it comes after")
    assert said(conn, three).startswith(f"CANCELLED: not started: b ({two}), which it comes after")
    refused = entrance.apply(conn, ask("retry", one), START)
    assert refused is not None
    assert refused.startswith("it could not start: it comes after c")


def test_a_long_chain_ends_at_once(conn: Connection) -> None:
    """A chain of a thousand jobs would exceed Python's depth, or end one turn after another."""
    jobs = [take(conn, 1, "part-1")]
    jobs += [take(conn, n, f"part-{n}", f"part-{n - 1}") for n in range(2, 1500)]
    assert entrance.apply(conn, ask("cancel", jobs[0], number=5000), START) is None
    assert {row(conn, "job", job)["state"] for job in jobs} == {"cancelled"}


def test_what_waits_for_others_keeps_nobody_from_ending(conn: Connection) -> None:
    """`serve --until-idle` would never end, or end with 0 though a job never ran."""
    before = look.last_history(conn)
    take(conn, 1, "solve", "mesh")
    assert look.movable(conn, ["local"]) == 0
    assert look.unsuccessful_since(conn, before) == 1
    mesh = take(conn, 2, "mesh")
    assert look.movable(conn, ["local"]) == 1
    succeed(conn, mesh)
    assert look.movable(conn, ["local"]) == 2, "the other, and the mesh is to be forgotten"
    assert look.unsuccessful_since(conn, before) == 0


@pytest.mark.parametrize("what", ["UPDATE dependency SET awaits = NULL", "DELETE FROM dependency"])
def test_what_a_job_comes_after_is_pinned(conn: Connection, what: str) -> None:
    """A job would start after another than it was said to, or after none."""
    take(conn, 1, "mesh")
    take(conn, 2, "solve", "mesh")
    with pytest.raises(engine.IntegrityError, match="what a job comes after is"):
        conn.execute(what)


def test_a_restored_queue_ends_nothing_before_all_is_known(conn: Connection) -> None:
    """What was published since would come too late for those who waited for it."""
    mesh = take(conn, 1, "mesh")
    solve = take(conn, 2, "solve", "mesh")
    assert entrance.add(conn, new_job(3, "plot", after=["solve"]), START)
    fail(conn, mesh)
    assert row(conn, "job", solve)["state"] == "cancelled"
    restored.doubt_everything(conn, "restored", START)
    plot = row(conn, "job", new_id(3))
    assert (plot["shown"], plot["waits"]) == ("HELD", "yes")
    assert waits_for(conn, new_id(3)) == f"solve ({solve}), which is cancelled"
    assert entrance.apply(conn, ask(Verb.RELEASE, new_id(3)), START) is None
    assert said(conn, new_id(3)).startswith("CANCELLED: not started: solve")


def test_a_restored_queue_ends_nothing_for_a_run_that_was_retried(conn: Connection) -> None:
    """A job would end for a failure that was mended long before the restore."""
    mesh = take(conn, 1, "mesh")
    solve = take(conn, 2, "solve", "mesh")
    found = {}
    for number, outcome in enumerate((Outcome.FAILED, Outcome.SUCCEEDED), start=1):
        key = f"orch-homehome-{new_id(600 + number)}"
        ended = EndedRun(
            key=key,
            job_id=mesh,
            job_name="mesh",
            number=number,
            backend="local",
            remote_id=key,
            outcome=outcome,
            exit_code=0,
            reason="ended",
        )
        found[number] = Found(ended, "e" * 64)
    assert restored.adopt(conn, mesh, found, START, str) == 2
    restored.doubt_everything(conn, "restored", START)
    assert (row(conn, "job", mesh)["state"], row(conn, "job", solve)["waits"]) == (
        "succeeded",
        "no",
    )
    assert entrance.apply(conn, ask("release", solve), START) is None
    assert startable(conn) == [solve]
