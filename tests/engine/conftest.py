"""The bench that tests of the engine work at."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrator.backend import Traits
from tests.engine.bench import Bench

NewBench = Callable[..., Bench]


@pytest.fixture
def new_bench(tmp_path: Path) -> Iterator[NewBench]:
    """Make a bench: traits of its backend as keywords, and `max_runs`."""
    benches: list[Bench] = []

    def make(*, max_runs: int = 1000, **traits: object) -> Bench:
        root = tmp_path / str(len(benches))
        benches.append(Bench(root, Traits(**traits), max_runs))  # type: ignore[arg-type]
        return benches[-1]

    yield make
    for bench in benches:
        bench.loop.close()
        bench.conn.close()


@pytest.fixture
def bench(new_bench: NewBench) -> Bench:
    """Return a bench whose backend proves absence after a minute."""
    return new_bench(absence_window=60.0)
