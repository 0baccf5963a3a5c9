"""The `cloudhpc` backend keeps its contract while the service fails in every way."""

from pathlib import Path

import pytest

from orchestrator.backends.cloudhpc import KIND
from orchestrator.emulators.cloudhpc.kind import KIND as EMULATED
from orchestrator.testing.contract import ServiceContract, StandIn, StorageContract
from tests.cloudhpc.conftest import ADD, BODIES
from tests.emulated import EndsBeside


def _set_key(root: Path, password: str) -> None:
    file = root / "api-key"
    file.touch(mode=0o600)
    file.write_bytes(password.encode("ascii", "ignore"))  # it is sent in a header


class TestUnderFaults(EndsBeside, ServiceContract, StorageContract):
    """The stand-in in a thread."""

    stand_in = StandIn(
        kind=KIND,
        emulated=EMULATED,
        bodies=BODIES,
        starts=ADD,
        set_password=_set_key,
        own=(
            "foreign-id",
            "odd-status",
            "neighbours",
            "numbers-as-texts",
            "texts-as-numbers",
            "download-shape",
        ),
        hiding=("list-lag=60", "empty-page"),
        hostile_names=("hostile-names",),
        clean_up={"remove": "files"},
    )


@pytest.mark.long  # of the everyday share, the daemon's own run under faults is against a process
class TestProcessUnderFaults(TestUnderFaults):
    """The stand-in as a process of its own."""

    form = "process"
