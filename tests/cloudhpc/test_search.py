"""The pages that a look needs: every run is seen, with as few calls as can be."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest

from orchestrator.backends.cloudhpc.search import Search


def looked(search: Search, rows: Sequence[int], size: int) -> list[int]:
    """Give a search the pages that it asks for, of this many rows; return which these were."""
    asked: list[int] = []
    while (page := search.next()) is not None:
        assert len(asked) < 100, "it does not end"
        asked.append(page)
        search.take(page, rows[(page - 1) * size : page * size])
    return asked


@pytest.mark.parametrize("seed", range(200))
def test_every_wanted_id_is_seen_whatever_was_guessed(seed: int) -> None:
    """A run would be taken for missing, held, and paid for all the same."""
    random = Random(seed)
    rows = sorted(random.sample(range(500), random.randrange(120)), reverse=True)
    wanted = random.sample(range(520), random.randrange(12))
    guesses = {id_: random.randrange(1, 15) for id_ in wanted if random.random() < 0.7}
    size = random.randrange(1, 30)
    search = Search(wanted, guesses)
    looked(search, rows, size)
    assert search.seen_on.keys() & set(wanted) == set(rows) & set(wanted)
    assert all(
        rows[(page - 1) * size : page * size].count(id_) for id_, page in search.seen_on.items()
    )


def test_nothing_wanted_costs_no_call() -> None:
    """An idle account would lose its calls to looks at nothing."""
    assert looked(Search((), {}), range(100, 0, -1), 10) == []


def test_the_oldest_run_ends_the_look() -> None:
    """Years of finished runs would be read at every look."""
    assert looked(Search([95, 88], {}), range(100, 0, -1), 10) == [1, 2]


def test_pages_between_old_and_new_runs_are_left_out() -> None:
    """One long run among hundreds of short ones would cost an account all its calls."""
    rows = range(1000, 0, -1)
    search = Search([995, 305], {})
    first = looked(search, rows, 10)
    assert len(first) == 70
    again = Search([995, 305], search.seen_on)
    assert looked(again, rows, 10) == [1, 70]


@pytest.mark.parametrize(("more", "asked"), [(3, [1, 70, 71]), (0, [1, 70])])
def test_rows_that_were_pushed_on_are_followed(more: int, asked: Sequence[int]) -> None:
    """A run would be called missing as soon as somebody starts another one."""
    rows = range(1000, 0, -1)
    seen: Mapping[int, int] = {995: 1, 302: 70}
    search = Search([995, 302], seen)
    assert looked(search, [*range(1000 + more, 1000, -1), *rows], 10) == asked
    assert 302 in search.seen_on


def test_a_short_page_is_the_last() -> None:
    """Every look would cost one call more, for a page with nothing on it."""
    search = Search([2], {})
    assert looked(search, range(13, 2, -1), 10) == [1, 2]
    assert search.next() is None
