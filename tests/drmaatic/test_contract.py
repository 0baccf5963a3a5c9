"""The `drmaatic` backend keeps the contract of all backends, in both dialects."""

from orchestrator.testing.contract import BackendContract


class TestDrmaatic(BackendContract):
    """Runs at the stand-in service."""
