"""Which job a person's word means."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.store import entrance
from orchestrator.store.resolve import resolve
from orchestrator.store.sqlite import Connection
from tests.store.making import START, new_id, new_job, open_queue


@pytest.fixture
def conn(tmp_path: Path) -> Iterator[Connection]:
    """Return an empty queue."""
    with closing(open_queue(tmp_path)) as conn:
        yield conn


def test_jobs_are_named_by_id_name_or_prefix(conn: Connection) -> None:
    """Otherwise people would have to type twelve characters, or would hit the wrong job."""
    for number, name in ((1, "wing"), (33, "wing"), (2, "tail"), (1 << 10, "fin")):
        entrance.accept(conn, new_job(number, name), START)
    assert resolve(conn, new_id(33)) == [new_id(33)]
    assert resolve(conn, "tail") == [new_id(2)]
    assert resolve(conn, "wing") == [new_id(1), new_id(33)]
    assert resolve(conn, new_id(1)[:3]) == [new_id(1)]
    assert resolve(conn, new_id(1)[:2]) == []  # too short to mean one job for long
    assert resolve(conn, "001") == [new_id(1 << 10)]
    assert resolve(conn, "WING") == []
    assert resolve(conn, "%") == []
    assert resolve(conn, "wing' OR 1=1 --") == []
    assert resolve(conn, "") == []


def test_a_name_wins_over_a_prefix_and_an_id_over_a_name(conn: Connection) -> None:
    """Otherwise a job could be cancelled because its name begins like another's id."""
    entrance.accept(conn, new_job(1, "wing"), START)
    entrance.accept(conn, new_job(2, new_id(1)[:4]), START)
    entrance.accept(conn, new_job(3, new_id(2)), START)
    assert resolve(conn, new_id(1)[:4]) == [new_id(2)]
    assert resolve(conn, new_id(2)) == [new_id(2)]


def test_what_is_no_text_names_no_job(conn: Connection) -> None:
    """A mistyped byte on the command line would end in a traceback."""
    entrance.accept(conn, new_job(1), START)
    assert resolve(conn, "\udcff") == []
    assert resolve(conn, "a\0b") == []
