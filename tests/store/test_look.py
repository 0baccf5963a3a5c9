"""What the engine reads: the right rows, in the right order, and soon enough in a long queue."""

import json
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from orchestrator.core.intake import Rejection
from orchestrator.core.lifecycle import Event, JobState, RunState
from orchestrator.core.now import Now
from orchestrator.store import entrance, home, look
from orchestrator.store.queries import load
from orchestrator.store.sqlite import Connection
from tests.store.making import (
    SITUATIONS,
    START,
    ask,
    at,
    change,
    move,
    new_id,
    new_job,
    open_queue,
    situate,
)


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return an empty queue."""
    with closing(open_queue(tmp_path_factory.mktemp("look"))) as conn:
        yield conn


@pytest.fixture
def conn(queue: Connection) -> Iterator[Connection]:
    """Return the empty queue; what a test writes is undone."""
    queue.execute("BEGIN")
    yield queue
    queue.execute("ROLLBACK")


def test_runs_are_due_longest_first_and_not_while_held(conn: Connection) -> None:
    """Otherwise a run could starve behind others, or be acted on against a person's word."""
    for number, situation in enumerate(SITUATIONS, 1):
        situate(conn, situation, number)
        conn.execute("UPDATE run SET due = ? WHERE id = ?", (2000.0 - number, new_id(number + 500)))
    due = look.due_runs(conn, "local", Now(1999.0, 0.0), 99)
    acted_on = [name for name in SITUATIONS if "held" not in name]
    acted_on = [
        n for n in acted_on if n not in {"input changed", "unknown outcome", "lost", "outputs"}
    ]
    acted_on.append("waiting, held")  # its ended run is still to be forgotten
    order = [list(SITUATIONS)[number - 501] for number in map(number_of, due)]
    assert set(order) == set(acted_on)
    assert order == sorted(order, key=list(SITUATIONS).index, reverse=True)
    assert look.due_runs(conn, "local", Now(1999.0, 0.0), 3) == due[:3]
    assert look.due_runs(conn, "slurm", Now(1999.0, 0.0), 99) == []
    assert [d for d in due if d.state is RunState.ENDED and d.key == f"orch-homehome-{d.run}"]


def number_of(due: look.Due) -> int:
    """Return the number of which a run's id was made."""
    return next(number for number in range(501, 600) if new_id(number) == due.run)


def test_jobs_start_in_the_order_of_their_acceptance(conn: Connection) -> None:
    """Otherwise a job could be overtaken for ever."""
    for number in (7, 3, 5):
        entrance.accept(conn, new_job(number), START)
    entrance.accept(conn, new_job(9, backend="slurm"), START)
    assert look.startable(conn, "local", START, 9) == [new_id(7), new_id(3), new_id(5)]
    assert look.startable(conn, "local", START, 2) == [new_id(7), new_id(3)]
    assert look.startable(conn, "slurm", START, 9) == [new_id(9)]
    assert look.startable(conn, "local", at(-1), 9) == []


def test_a_waiting_job_starts_when_its_time_has_come(conn: Connection) -> None:
    """Otherwise a retry would come too early, or only when something else happens."""
    job = situate(conn, "waiting")
    conn.execute("UPDATE run SET forgotten = 1")
    assert look.startable(conn, "local", at(599), 9) == []
    assert look.next_due(conn, at(599)) == at(600).steady
    assert look.startable(conn, "local", at(600), 9) == [job]
    assert look.next_due(conn, at(600)) is None


def test_slots_count_what_lives(conn: Connection) -> None:
    """Otherwise more runs than allowed would be started, or none."""
    for number, situation in enumerate(SITUATIONS, 1):
        situate(conn, situation, number)
    # What waits for a person takes no room, but for three that may be running.
    assert look.slots(conn) == {"local": (8, 9)}


def test_the_next_due_leaves_out_what_waits_for_a_person(conn: Connection) -> None:
    """Otherwise the engine would turn without end around a held job."""
    situate(conn, "running", 1)
    situate(conn, "running, held", 2)
    conn.execute("UPDATE run SET due = ? WHERE id = ?", (at(50).steady, new_id(501)))
    conn.execute("UPDATE run SET due = ? WHERE id = ?", (at(40).steady, new_id(502)))
    assert look.next_due(conn, START) == at(50).steady
    assert look.next_due(conn, at(50)) is None
    situate(conn, "failed", 3)
    conn.execute("UPDATE run SET due = ? WHERE id = ?", (at(60).steady, new_id(503)))
    assert look.next_due(conn, at(50)) == at(60).steady  # to be forgotten


def test_hinted_runs_are_the_running_ones(conn: Connection) -> None:
    """Otherwise a call of a backend would disturb a run that is not there yet, or held."""
    for number, situation in enumerate(("running", "staging", "running, held", "failed"), 1):
        situate(conn, situation, number)
    keys = [f"orch-homehome-{new_id(number + 500)}" for number in range(1, 5)]
    hinted = look.hinted_runs(conn, [*keys, "orch-otherone-x", "'"])
    assert [due.run for due in hinted] == [new_id(501)]
    assert look.hinted_runs(conn, []) == []


def test_deadlines_and_late_cancels_of_queued_jobs(conn: Connection) -> None:
    """Otherwise a job would start after its deadline, or stay cancelled and queued for ever."""
    limits = {"deadline": "2023-11-14T22:13:20Z"}  # START, on the wall
    entrance.accept(conn, new_job(1, limits=limits), START)
    entrance.accept(conn, new_job(2), START)
    assert look.overdue(conn, at(-1)) == ([], [])
    assert look.overdue(conn, START) == ([new_id(1)], [])
    entrance.apply(conn, ask("hold", new_id(1)), START)
    assert look.overdue(conn, START) == ([], [])
    # A cancel that came while the last run was ending: the job is queued, and to be cancelled.
    job = situate(conn, "harvesting", 3)
    work = look.work(conn, new_id(503))
    entrance.apply(conn, ask("cancel", job, number=901), START)
    move(conn, work, change(Event.PUBLISHED, job=JobState.QUEUED))
    assert look.overdue(conn, START) == ([], [job])
    assert look.startable(conn, "local", START, 9) == [new_id(2)]


def test_movable_counts_what_needs_no_person(conn: Connection) -> None:
    """Otherwise `serve --until-idle` would end too early, or never."""
    assert look.movable(conn, ["local"]) == 0
    situate(conn, "running, held", 1)
    assert look.movable(conn, ["local"]) == 0
    situate(conn, "failed", 2)
    assert look.movable(conn, ["local"]) == 1  # its run is to be forgotten
    situate(conn, "queued", 3)
    situate(conn, "running", 4)
    assert look.movable(conn, ["local"]) == 3
    assert look.movable(conn, ["slurm"]) == 0  # no such jobs: nothing there keeps us


def test_what_was_not_successful_since(conn: Connection) -> None:
    """Otherwise `serve --until-idle` would end with 0 though a job failed, or was rejected."""
    assert look.last_history(conn) == 0
    situate(conn, "failed", 1)
    before = look.last_history(conn)
    assert look.unsuccessful_since(conn, before) == 0
    for number, situation in enumerate(("succeeded", "cancelled", "lost", "running", "failed"), 2):
        situate(conn, situation, number)
    entrance.apply(conn, ask("retry", new_id(6), number=902), START)
    assert look.unsuccessful_since(conn, before) == 2  # what is tried again may yet succeed
    entrance.reject(conn, Rejection(new_id(9), "bad.toml", "no"), START)
    assert look.unsuccessful_since(conn, before) == 3


def test_the_home_row_is_written_once(conn: Connection) -> None:
    """Otherwise a home could change its id, and its runs would be nobody's."""
    anchor = home.Anchor(1.0, 2.0, "boot", 3.0)
    assert home.read_home(conn) is None
    assert home.found_home(conn, "homehome", anchor) == home.HomeRow("homehome", anchor, 0)
    later = home.Anchor(9.0, 9.0, "boot2", 9.0)
    assert home.found_home(conn, "otherone", later).id == "homehome"
    home.save_pulse(conn, later, 7)
    assert home.read_home(conn) == home.HomeRow("homehome", later, 7)


FINISHED, LIVE = 100_000, 1_000


@pytest.fixture(scope="module")
def long_queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return a queue with many finished jobs, a thousand running and ten thousand queued ones."""
    with closing(open_queue(tmp_path_factory.mktemp("long"))) as conn:
        values = {
            "finished": FINISHED,
            "started": FINISHED + LIVE,
            "all": FINISHED + 11 * LIVE,
            "spec": new_job(1).spec.model_dump_json(),
        }
        conn.execute("PRAGMA synchronous = OFF")
        conn.execute("BEGIN")
        for statement in LONG_QUEUE.split(";"):
            conn.execute(statement, values)
        conn.execute("COMMIT")
        yield conn


LONG_QUEUE = """
WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < :all)
INSERT INTO job (id, name, backend, dropped_as, file, text, sha256, spec, uid, accepted_at,
                 lease, deadline, state, want, due, runs, allowed, reason, shown, shown_since)
SELECT printf('%012d', i), 'name' || (i % 5000), 'local', '', '', x'00', printf('%064d', i), :spec,
       0, 0, iif(i % 4 = 0, 'study ' || (i % 5), NULL), 1e9,
       CASE WHEN i <= :finished THEN 'succeeded' WHEN i <= :started THEN 'active' ELSE 'queued' END,
       'run', iif(i <= :started, i, 0), i <= :started, 1, '', '', 0 FROM n;
INSERT INTO run (id, key, job, number, backend, lease, state, due, remote_id, outcome, forgotten,
                 created_at, ended_at, manifest_sha256)
SELECT id, 'k' || id, id, 1, backend,
       iif(seq = (SELECT max(seq) FROM job WHERE state = 'active' AND lease = 'study 1'),
           lease, NULL),
       iif(state = 'active', 'running', 'ended'), due, id,
       iif(state = 'active', NULL, 'succeeded'), state <> 'active', 0,
       iif(state = 'active', NULL, 1), printf('%064d', 1) FROM job WHERE state <> 'queued';
INSERT INTO history (at, job, name, backend, target, reason)
SELECT 0, id, name, backend, 'RUNNING', '' FROM job CROSS JOIN (VALUES (1), (2))
"""

# What a turn of the engine or an intake reads, and how much of it the longest may be.
EVERY_TURN = [
    "due_runs", "hinted_runs", "work", "startable", "free_leases", "in_order", "expired",
    "cancellable", "slots", "next_due", "inputs", "steps", "next_step", "spec_text",
    "history_of", "history_after", "home",
    "jobs_named", "jobs_with_prefix", "known_ids", "live_run", "last_run",
    "running_keys",
]  # fmt: skip
VALUES = {
    "backend": "local", "steady": FINISHED + 500.5, "wall": 5.0, "limit": 256, "seq": 200_000,
    "keys": json.dumps([f"k{FINISHED + 1:012d}"]), "run": f"{5:012d}", "job": f"{5:012d}",
    "phase": "stage", "name": "name5", "waits": "no", "low": "0001", "high": "0001~", "lease": None,
    "ids": json.dumps(["0" * 12]), "backends": '["local"]',
}  # fmt: skip


@pytest.mark.parametrize("name", EVERY_TURN)
def test_a_long_queue_is_not_read_from_end_to_end(long_queue: Connection, name: str) -> None:
    """Otherwise the daemon grows slower with every job it has ever run."""
    query = load("look")[name]
    plan = [row["detail"] for row in long_queue.execute(f"EXPLAIN QUERY PLAN {query}", VALUES)]
    whole = [step for step in plan if step.startswith("SCAN") and "INDEX" not in step]
    few = ("json_each", "subquery", "SCAN needed")
    assert [step for step in whole if not any(word in step for word in few)] == []
    best = 1.0
    for _ in range(5):
        start = time.perf_counter()
        long_queue.execute(query, VALUES).fetchall()
        best = min(best, time.perf_counter() - start)
    assert best < 0.005, f"{best * 1000:.1f} ms: {plan}"


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("due_runs", "run_due"),
        ("startable", "job_queued"),
        ("free_leases", "job_queued"),
        ("expired", "job_deadline"),
        ("cancellable", "job_cancelled"),
        ("slots", "run_slots"),
        ("next_due", "job_due"),
    ],
)
def test_reads_of_a_turn_have_an_index_of_their_own(
    long_queue: Connection, name: str, index: str
) -> None:
    """Otherwise each turn reads all queued jobs, or all live runs, to find the few due ones."""
    plan = long_queue.execute(f"EXPLAIN QUERY PLAN {load('look')[name]}", VALUES).fetchall()
    assert any(f" {index}" in row["detail"] for row in plan), [row["detail"] for row in plan]


def test_who_is_next_in_a_long_line_is_found_at_once(long_queue: Connection) -> None:
    """Otherwise each turn would ask of thousands whether what they need is free."""
    now, best = Now(VALUES["steady"], VALUES["wall"]), 1.0  # type: ignore[arg-type]
    for _ in range(5):
        start = time.perf_counter()
        found = look.startable(long_queue, "local", now, 100)
        best = min(best, time.perf_counter() - start)
    assert best < 0.005, f"{best * 1000:.1f} ms"
    sql = "SELECT lease FROM job WHERE id IN (SELECT value FROM json_each(?)) AND lease IS NOT NULL"
    rows = long_queue.execute(sql, (json.dumps(found),)).fetchall()
    assert sorted(row["lease"] for row in rows) == [f"study {n}" for n in (0, 2, 3, 4)]


def test_every_query_of_a_turn_is_held_to_that() -> None:
    """Otherwise a query that is added later is forgotten here."""
    only_until_idle = {"movable", "unforgotten", "last_history", "unsuccessful_since"}
    at_the_start, when_asked = {"ended_keys"}, {"is_running"}
    others = only_until_idle | at_the_start | when_asked
    assert set(load("look")) - set(EVERY_TURN) == others
