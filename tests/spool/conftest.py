"""What the tests of the spool share."""

from pathlib import Path

import pytest

from orchestrator.config.home import Home
from orchestrator.spool import prepare


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Give an empty home."""
    home = Home(tmp_path / "home")
    prepare(home)
    return home
