"""What the tests of the logs share."""

from collections.abc import Callable

import pytest

from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import Shown


@pytest.fixture
def entry() -> Callable[..., Entry]:
    """Return a function that makes the n-th entry of a history, with changes."""

    def make(seq: int, **changed: object) -> Entry:
        facts = {
            "seq": seq,
            "at": 1_800_000_000.9 + seq,
            "job": "0123456789ab",
            "name": "beam",
            "run": 1,
            "backend": "local",
            "remote_id": "4711",
            "source": Shown.RUNNING,
            "target": Shown.HARVESTING,
            "lasted": 12.34,
            "reason": "exit status 0",
        }
        return Entry(**{**facts, **changed})  # type: ignore[arg-type]

    return make
