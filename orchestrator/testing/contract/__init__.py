"""What every backend must do, as tests that any backend joins in about fifteen lines.

class TestMine(BackendContract):
    @pytest.fixture
    async def place(self, tmp_path):
        bodies = Bodies(
            writes=lambda name, times: {...},  # options of a run that leaves such a file
            copies=lambda source, name: {...},  # that copies an input to an output
            fails=lambda code: {...},
            sleeps={...},                       # that runs until it is stopped
        )
        async with open_place(KIND, KIND.options(), tmp_path, bodies) as place:
            yield place

A kind that speaks HTTP and has a stand-in also joins, for the same contract under faults:

class TestUnderFaults(ServiceContract):
    stand_in = StandIn(kind=KIND, emulated=EMULATED, bodies=bodies, starts="POST /v1/runs", ...)

class TestProcessUnderFaults(TestUnderFaults):
    form = "process"
"""

import pytest

for _module in ("suite", "ground", "playing", "submitting", "striking", "cuts", "verbs", "transfers"):
    pytest.register_assert_rewrite(f"orchestrator.testing.contract.{_module}")

from orchestrator.testing.contract.place import Bodies, Place, open_place  # noqa: E402 - first, rewrite
from orchestrator.testing.contract.service import Service, StandIn, running  # noqa: E402 - as above
from orchestrator.testing.contract.cuts import CutSubmits  # noqa: E402 - as above
from orchestrator.testing.contract.submitting import SubmitUnderFaults  # noqa: E402 - as above
from orchestrator.testing.contract.suite import BackendContract  # noqa: E402 - as above
from orchestrator.testing.contract.transfers import TransfersUnderFaults  # noqa: E402 - as above
from orchestrator.testing.contract.verbs import VerbsUnderFaults  # noqa: E402 - as above


class ServiceContract(SubmitUnderFaults, CutSubmits, VerbsUnderFaults, TransfersUnderFaults):
    """Tests that a kind joins which calls a service that may fail in every way."""


__all__ = [
    "BackendContract",
    "Bodies",
    "Place",
    "Service",
    "ServiceContract",
    "StandIn",
    "open_place",
    "running",
]
