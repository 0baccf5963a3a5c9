"""The database refuses what the code forgot: every CHECK, UNIQUE and trigger of the schema."""

import re
from collections.abc import Iterator
from contextlib import closing
from enum import StrEnum
from typing import Any

import pytest

from orchestrator.core.intake import Verb
from orchestrator.core.lifecycle import MOVES, JobState, Outcome, RunState, Want
from orchestrator.store.sqlite import Connection, engine
from tests.store.making import open_queue

JOB: dict[str, Any] = {
    "id": "a" * 12, "name": "wing", "backend": "local", "dropped_as": "wing.toml",
    "file": "wing.toml", "text": b"x", "sha256": "0" * 64, "spec": "{}", "uid": 1,
    "accepted_at": 0.0, "deadline": None, "state": "active", "want": "run", "hold_code": None,
    "hold_reason": None, "due": 0.0, "runs": 1, "allowed": 1, "reason": "", "shown": "RUNNING",
    "shown_since": 0.0,
}  # fmt: skip
RUN: dict[str, Any] = {
    "id": "r" * 12, "key": "orch-k", "job": "a" * 12, "number": 1, "backend": "local",
    "state": "staging", "version": 0, "due": 0.0, "tries": 0, "remote_id": None, "outcome": None,
    "exit_code": None, "stop": None, "listed": 0, "forgotten": 0, "memo": "{}", "created_at": 0.0,
    "ended_at": None, "manifest_sha256": None,
}  # fmt: skip
RUNNING = {"state": "running", "remote_id": "7"}
HARVESTING = {"state": "harvesting", "remote_id": "7", "outcome": "failed"}
ENDED = {"state": "ended", "outcome": "failed", "ended_at": 1.0}
INPUT: dict[str, Any] = {
    "job": "a" * 12, "name": "in", "source": "in", "size": 1, "mtime_ns": 1, "taken": 1,
    "trusted": 1,
}  # fmt: skip
STEP: dict[str, Any] = {
    "run": "r" * 12, "phase": "stage", "n": 0, "name": "in", "source": '"in"', "size": None,
    "sha256": None, "log": 0, "verified": "nothing", "done": 0,
}  # fmt: skip
HOME: dict[str, Any] = {
    "only": 1, "id": "h" * 8, "steady": 0.0, "boot_seconds": 0.0, "boot_id": "b", "wall": 0.0,
    "status_cursor": 0,
}  # fmt: skip
ENTRY: dict[str, Any] = {
    "at": 0.0, "job": "a" * 12, "name": "wing", "run": 1, "backend": "local", "remote_id": None,
    "source": None, "target": "QUEUED", "lasted": None, "reason": "accepted",
}  # fmt: skip
REQUEST: dict[str, Any] = {"id": "q" * 12, "verb": "hold", "job": "wing", "at": 0.0}
REJECTION: dict[str, Any] = {"id": "x" * 12, "name": "bad.toml", "at": 0.0, "reason": "bad"}
DEPENDENCY: dict[str, Any] = {"job": "a" * 12, "n": 0, "word": "mesh", "awaits": None}
ROWS = {
    "home": HOME, "job": JOB, "input": INPUT, "run": RUN, "step": STEP, "history": ENTRY,
    "request": REQUEST, "rejection": REJECTION,
    "dependency": DEPENDENCY,
}  # fmt: skip


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """Return a queue in which one job has one live run."""
    with closing(open_queue(tmp_path_factory.mktemp("schema"))) as conn:
        for table, row in ROWS.items():
            insert(conn, table, row)
        yield conn


@pytest.fixture
def conn(queue: Connection) -> Iterator[Connection]:
    """Return that queue; what a test writes is undone."""
    queue.execute("BEGIN")
    yield queue
    queue.execute("ROLLBACK")


def insert(conn: Connection, table: str, row: dict[str, Any]) -> None:
    """Write a row as it is given."""
    columns, places = ", ".join(row), ", ".join(f":{name}" for name in row)
    conn.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", row)  # noqa: S608 - ours


OTHER_JOB = JOB | {"id": "b" * 12, "state": "queued"}
OTHER_RUN = RUN | {"id": "s" * 12, "key": "orch-l", "number": 2}

BAD_ROWS: list[tuple[str, dict[str, Any]]] = [
    *[("home", HOME | it) for it in ({"only": 2}, {"id": "h" * 7}, {"boot_id": None})],
    ("home", HOME),  # a second one
    *[
        ("job", OTHER_JOB | it)
        for it in (
            {"id": "a" * 12},
            {"id": "short"},
            {"sha256": "0"},
            {"spec": "{"},
            {"text": "not bytes"},
            {"state": "running"},
            {"want": "pause"},
            {"want": "hold"},
            {"want": "hold", "hold_code": "user"},
            {"want": "hold", "hold_reason": "because"},
            {"want": "hold", "hold_code": "whim", "hold_reason": "because"},
            {"hold_code": "user"},
            {"hold_reason": "because"},
            {"allowed": 0},
            {"due": None},
            {"due": "soon"},
            {"state": "succeeded", "want": "cancel"},
            {"state": "failed", "want": "hold", "hold_code": "user", "hold_reason": "because"},
            {"waits": "perhaps"},
            {"in_line": 1},  # for nothing
            {"in_line": 2, "lease": "study"},
            {"in_line": 1, "lease": "study", "state": "active"},
        )
    ],
    ("input", INPUT | {"name": "two", "taken": 2}),
    ("input", INPUT | {"name": "two", "trusted": 2}),
    ("input", INPUT | {"name": "two", "job": "nobody"}),
    ("input", INPUT),
    *[
        ("run", OTHER_RUN | ENDED | it)
        for it in (
            {"id": "r" * 12},
            {"id": "short"},
            {"key": "orch-k"},
            {"job": "nobody"},
            {"number": 1},
            {"number": 0},
            {"state": "sleeping"},
            {"outcome": "unclear"},
            {"outcome": None},
            {"ended_at": None},
            {"outcome": "succeeded"},  # without published results
            {"manifest_sha256": "0"},
            {"tries": -1},
            {"stop": "whim"},
            {"listed": 2},
            {"forgotten": 2},
            {"memo": "{"},
            {"memo": f"{{{'m' * 65536}}}"},
            {"due": "soon"},
        )
    ],
    *[
        ("run", OTHER_RUN | {"job": "b" * 12, "number": 1} | it)
        for it in (
            {"state": "running"},  # without a remote id
            {"state": "harvesting", "outcome": "failed"},
            {"state": "harvesting", "remote_id": "8"},
            {"outcome": "failed"},
            {"ended_at": 1.0},
        )
    ],
    ("run", OTHER_RUN),  # a second live run of one job
    *[
        ("step", STEP | {"n": 1} | it)
        for it in (
            {"run": "nobody"},
            {"phase": "submit"},
            {"n": 0},
            {"sha256": "0"},
            {"log": 2},
            {"verified": "surely"},
            {"source": "in"},
            {"done": 2},
            {"done": 1},
            {"done": 1, "size": 3},
            {"done": 1, "sha256": "0" * 64},
        )
    ],
    ("history", ENTRY | {"reason": None}),
    ("request", REQUEST),
    ("request", REQUEST | {"id": "p" * 12, "verb": "explode"}),
    ("rejection", REJECTION),
    ("dependency", DEPENDENCY),
    *[
        ("dependency", DEPENDENCY | {"n": 1} | it)
        for it in (
            {"job": "nobody"},
            {"awaits": "nobody"},
            {"awaits": "a" * 12},  # itself
        )
    ],
]  # fmt: skip


@pytest.mark.parametrize(("table", "row"), BAD_ROWS)
def test_a_bad_row_is_refused(conn: Connection, table: str, row: dict[str, Any]) -> None:
    """Otherwise a fault in the program would become a lie in the queue, found weeks later."""
    if table != "job":
        insert(conn, "job", OTHER_JOB)
    with pytest.raises(engine.IntegrityError):
        insert(conn, table, row)


def test_two_runs_cannot_have_one_remote_id(conn: Connection) -> None:
    """Otherwise one job would be given the results of another."""
    insert(conn, "job", OTHER_JOB)
    conn.execute("UPDATE run SET state = 'submitting'")
    conn.execute("UPDATE run SET state = 'running', remote_id = '7'")
    with pytest.raises(engine.IntegrityError, match="remote_id"):
        insert(conn, "run", OTHER_RUN | {"job": "b" * 12, "number": 1} | RUNNING)


def test_what_is_allowed_is_accepted(conn: Connection) -> None:
    """Otherwise the table above would prove nothing: each of its rows has one thing wrong."""
    insert(conn, "job", OTHER_JOB)
    insert(conn, "input", INPUT | {"name": "two"})
    insert(conn, "run", OTHER_RUN | ENDED)
    insert(conn, "run", OTHER_RUN | {"id": "t" * 12, "key": "m", "job": "b" * 12, "number": 1})
    insert(conn, "step", STEP | {"n": 1, "done": 1, "size": 3, "sha256": "0" * 64})
    insert(conn, "request", REQUEST | {"id": "p" * 12})


NEVER = [
    ("UPDATE history SET reason = 'other'", "append-only"),
    ("DELETE FROM history", "append-only"),
    ("DELETE FROM run", "runs are kept"),
    ("DELETE FROM job", "jobs are kept"),
    ("UPDATE run SET id = 'zzzzzzzzzzzz'", "keeps its key"),
    ("UPDATE run SET key = 'other'", "keeps its key"),
    ("UPDATE run SET job = 'bbbbbbbbbbbb'", "keeps its key"),
    ("UPDATE run SET backend = 'slurm'", "keeps its key"),
    ("UPDATE job SET id = 'zzzzzzzzzzzz'", "keeps its spec"),
    ("UPDATE job SET text = x'00'", "keeps its spec"),
    ("UPDATE job SET spec = '[]'", "keeps its spec"),
    ("UPDATE job SET sha256 = replace(sha256, '0', '1')", "keeps its spec"),
    ("UPDATE job SET backend = 'slurm'", "keeps its spec"),
    ("UPDATE job SET name = 'other'", "keeps its spec"),
    ("DELETE FROM job WHERE id = 'bbbbbbbbbbbb'", "jobs are kept"),
]


@pytest.mark.parametrize(("statement", "why"), NEVER)
def test_what_is_kept_for_ever(conn: Connection, statement: str, why: str) -> None:
    """Otherwise history, intent or the accepted spec could be rewritten."""
    insert(conn, "job", OTHER_JOB)
    with pytest.raises(engine.IntegrityError, match=why):
        conn.execute(statement)


def test_a_run_keeps_its_remote_id(conn: Connection) -> None:
    """Otherwise a reply that was mixed up could turn one run into another."""
    conn.execute("UPDATE run SET state = 'submitting'")
    conn.execute("UPDATE run SET state = 'running', remote_id = '7'")
    for other in ("8", None):
        with pytest.raises(engine.IntegrityError, match="remote id"):
            conn.execute("UPDATE run SET remote_id = ?", (other,))


def test_the_tables_moves_are_those_of_core(conn: Connection) -> None:
    """Otherwise the database refuses a legal move in the middle of the night, or lets a bug by."""
    rows = conn.execute("SELECT source, target FROM legal_move").fetchall()
    assert {(row[0], row[1]) for row in rows} == {(move.source, move.target) for move in MOVES}


FIELDS: dict[RunState, dict[str, Any]] = {
    RunState.STAGING: {"outcome": None, "ended_at": None},
    RunState.SUBMITTING: {"outcome": None, "ended_at": None},
    RunState.UNKNOWN: {"outcome": None, "ended_at": None},
    RunState.RUNNING: {"outcome": None, "ended_at": None, "remote_id": "7"},
    RunState.HARVESTING: {"outcome": "failed", "ended_at": None, "remote_id": "7"},
    RunState.ENDED: {"outcome": "failed", "ended_at": 1.0},
}


@pytest.mark.parametrize("target", RunState)
@pytest.mark.parametrize("source", RunState)
def test_every_move_of_a_run(conn: Connection, source: RunState, target: RunState) -> None:
    """Otherwise a run could come back from its end, or be submitted twice."""
    insert(conn, "job", OTHER_JOB)
    run = OTHER_RUN | {"job": "b" * 12, "state": source} | FIELDS[source]
    insert(conn, "run", run)
    wanted = {"state": target} | FIELDS[target] | {"id": run["id"]}
    sets = ", ".join(f"{name} = :{name}" for name in wanted if name != "id")
    statement = f"UPDATE run SET {sets} WHERE id = :id"  # noqa: S608 - names are ours
    if any((move.source, move.target) == (source, target) for move in MOVES):
        conn.execute(statement, wanted)
    else:
        with pytest.raises(engine.IntegrityError, match="illegal move of a run"):
            conn.execute(statement, wanted)


LEGAL_FOR_JOBS = {
    ("queued", "queued"), ("queued", "active"), ("queued", "failed"), ("queued", "cancelled"),
    ("active", "active"), ("active", "queued"), ("active", "succeeded"), ("active", "failed"),
    ("active", "cancelled"), ("failed", "queued"), ("cancelled", "queued"),
}  # fmt: skip


@pytest.mark.parametrize("target", JobState)
@pytest.mark.parametrize("source", JobState)
def test_every_move_of_a_job(conn: Connection, source: JobState, target: JobState) -> None:
    """Otherwise a job that has succeeded could be run again."""
    insert(conn, "job", OTHER_JOB | {"state": source})
    statement = "UPDATE job SET state = ? WHERE id = ?"
    if (source.value, target.value) in LEGAL_FOR_JOBS:
        conn.execute(statement, (target, "b" * 12))
    else:
        with pytest.raises(engine.IntegrityError, match="illegal move of a job"):
            conn.execute(statement, (target, "b" * 12))


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("job", "state", JobState),
        ("job", "want", Want),
        ("run", "state", RunState),
        ("run", "outcome", Outcome),
        ("request", "verb", Verb),
    ],
)
def test_words_are_those_of_core(
    conn: Connection, table: str, column: str, words: type[StrEnum]
) -> None:
    """Otherwise a word that was added to the program would be refused when it is first written."""
    text = conn.execute("SELECT sql FROM sqlite_schema WHERE name = ?", (table,)).fetchone()[0]
    listed = re.search(rf"{column} IN\s*\(([^)]*)\)", text)
    assert listed is not None
    assert set(re.findall(r"'(\w+)'", listed[1])) == set(words)
