"""The `thecrossproduct` backend keeps its contract while the service fails in every way."""

from pathlib import Path

import pytest

from orchestrator.backends.thecrossproduct import KIND, outputs
from orchestrator.emulators.thecrossproduct.kind import KIND as EMULATED
from orchestrator.testing.contract import ServiceContract, StandIn, StorageContract
from tests.emulated import EndsBeside
from tests.thecrossproduct.conftest import BODIES


def _set_password(root: Path, password: str) -> None:
    file = root / "password-engineer"
    file.touch(mode=0o600)
    file.write_text(password, "utf-8")


class TestUnderFaults(EndsBeside, ServiceContract, StorageContract):
    """The stand-in in a thread."""

    stand_in = StandIn(
        kind=KIND,
        emulated=EMULATED,
        bodies=BODIES,
        starts="POST /v1/app/emulator/shell/run",
        set_password=_set_password,
        own=("token-killed", "foreign-id", "empty-list", "odd-state"),
        hiding=("list-lag=60",),
        hostile_names=("hostile-names",),
        clean_up={"remove": "all"},
    )

    @pytest.fixture(autouse=True)
    def settled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """One listing of outputs counts, so that nobody waits a second."""
        monkeypatch.setattr(outputs, "SETTLED", 0.0)


@pytest.mark.long  # of the everyday share, the daemon's own run under faults is against a process
class TestProcessUnderFaults(TestUnderFaults):
    """The stand-in as a process of its own."""

    form = "process"
