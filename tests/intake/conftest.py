"""What the tests of intake share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.intake.world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give an empty home."""
    world = World(tmp_path / "home")
    yield world
    world.queue.close()
