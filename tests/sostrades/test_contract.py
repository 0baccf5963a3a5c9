"""The `sostrades` backend keeps the contract of all backends."""

from orchestrator.testing.contract import BackendContract, UnstoppableContract


class TestSosTrades(BackendContract, UnstoppableContract):
    """Studies at the stand-in service."""
