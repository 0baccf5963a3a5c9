"""What every test shares."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run async tests on asyncio only: aiosqlite and apscheduler know no other."""
    return "asyncio"
