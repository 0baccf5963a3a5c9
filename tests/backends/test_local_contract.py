"""The `local` backend keeps the contract of all backends; its fixture is in conftest."""

from orchestrator.testing.contract import BackendContract


class TestLocalContract(BackendContract):
    """Processes on this machine."""
