"""The `cloudhpc` backend keeps its contract while the service fails in every way."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from orchestrator.backends.cloudhpc import KIND
from orchestrator.emulators.cloudhpc.kind import KIND as EMULATED
from orchestrator.testing.contract import (
    Service,
    ServiceContract,
    StandIn,
    StorageContract,
    running,
)
from tests.cloudhpc.conftest import ADD, BODIES


def _set_key(root: Path, password: str) -> None:
    file = root / "api-key"
    file.touch(mode=0o600)
    file.write_bytes(password.encode("ascii", "ignore"))  # it is sent in a header


class TestUnderFaults(ServiceContract, StorageContract):
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

    @pytest.fixture
    def service(
        self, tmp_path: Path, ending: Callable[[Callable[[], None]], None]
    ) -> Iterator[Service]:
        """Run the stand-in; it ends beside the tests that follow."""
        with ExitStack() as stack:
            root = tmp_path / "service"
            yield stack.enter_context(running(self.stand_in, root, self.form))
            ending(stack.pop_all().close)


@pytest.mark.long  # of the everyday share, the daemon's own run under faults is against a process
class TestProcessUnderFaults(TestUnderFaults):
    """The stand-in as a process of its own."""

    form = "process"
