"""The `cloudhpc` backend keeps the contract of all backends."""

from orchestrator.testing.contract import BackendContract


class TestCloudHpc(BackendContract):
    """Runs at the stand-in service."""
