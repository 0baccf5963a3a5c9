"""The `slurm` backend keeps the contract of all backends, on a real Slurm, by each way in."""

import pytest

from orchestrator.testing.contract import BackendContract
from tests.slurm.conftest import NEEDS

pytestmark = pytest.mark.needs(*NEEDS)


class TestSlurm(BackendContract):
    """Jobs of a single-node Slurm."""
