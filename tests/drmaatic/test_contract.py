"""The `drmaatic` backend keeps the contract of all backends, in both dialects."""

import pytest

from orchestrator.backends.drmaatic import harvesting
from orchestrator.testing.contract import BackendContract, OrderContract


class TestDrmaatic(BackendContract):
    """Runs at the stand-in service."""

    @pytest.fixture(autouse=True)
    def one_look(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take what the first look shows, so that nobody waits a minute for what never comes."""
        monkeypatch.setattr(harvesting, "SHOWS_WITHIN", 0.0)


class TestOrder(OrderContract):
    """Runs behind others: `after` is the service's own business where both jobs are on it."""
