"""The `thecrossproduct` backend keeps the contract of all backends."""

from orchestrator.testing.contract import BackendContract


class TestTheCrossProduct(BackendContract):
    """Runs at the stand-in service."""
