"""What the tests of the result store share."""

from pathlib import Path

import pytest

from orchestrator.config.home import Home
from tests.store.results.scenario import new_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Return a home with the folders that the result store needs."""
    return new_home(tmp_path / "home")
