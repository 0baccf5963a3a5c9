"""What every backend must do, as tests that any backend joins in about fifteen lines.

class TestMine(BackendContract):
    @pytest.fixture
    async def place(self, tmp_path):
        bodies = Bodies(
            writes=lambda name, times: {...},  # options of a run that leaves such a file
            copies=lambda source, name: {...},  # that copies an input to an output
            fails=lambda code: {...},
            sleeps={...},                       # that runs until it is stopped
            lingers=lambda name, times: {...},  # that leaves a file, and then does the same
        )
        async with open_place(KIND, KIND.options(), tmp_path, bodies) as place:
            yield place

A kind that holds runs back by itself (`Traits.starts_after`) also joins OrderContract, by the same
fixture; one that cannot stop a run (`Traits.stops` is False) joins UnstoppableContract, and tells
`open_place` how a person stops one over there (`stop_there`), so that runs of tests come to an end.

A kind that speaks HTTP and has a stand-in also joins, for the same contract under faults:

class TestUnderFaults(ServiceContract):
    stand_in = StandIn(kind=KIND, emulated=EMULATED, bodies=bodies, starts="POST /v1/runs", ...)

class TestProcessUnderFaults(TestUnderFaults):
    form = "process"

One whose files go to a storage by presigned addresses joins `StorageContract` beside it.
"""

import pytest

MODULES = (
    "account",
    "cuts",
    "ground",
    "leaks",
    "order",
    "playing",
    "storing",
    "striking",
    "submitting",
    "suite",
    "transfers",
    "unstoppable",
    "verbs",
)
for _module in MODULES:
    pytest.register_assert_rewrite(f"{__name__}.{_module}")

# ruff: noqa: E402 - first the rewriting of their assertions
from orchestrator.testing.contract.account import AccountContract
from orchestrator.testing.contract.cuts import CutSubmits
from orchestrator.testing.contract.leaks import LeaksNothing
from orchestrator.testing.contract.order import OrderContract
from orchestrator.testing.contract.place import Bodies, Body, Place, open_place
from orchestrator.testing.contract.service import Service, StandIn, running
from orchestrator.testing.contract.storing import StorageContract
from orchestrator.testing.contract.submitting import SubmitUnderFaults
from orchestrator.testing.contract.suite import BackendContract
from orchestrator.testing.contract.transfers import TransfersUnderFaults
from orchestrator.testing.contract.unstoppable import UnstoppableContract
from orchestrator.testing.contract.verbs import VerbsUnderFaults


class ServiceContract(
    SubmitUnderFaults, CutSubmits, VerbsUnderFaults, TransfersUnderFaults, LeaksNothing
):
    """Tests that a kind joins which calls a service that may fail in every way."""


__all__ = [
    "AccountContract",
    "BackendContract",
    "Bodies",
    "Body",
    "OrderContract",
    "Place",
    "Service",
    "ServiceContract",
    "StandIn",
    "StorageContract",
    "UnstoppableContract",
    "open_place",
    "running",
]
