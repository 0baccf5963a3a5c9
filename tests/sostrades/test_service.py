"""The `sostrades` backend keeps its contract while the service fails in every way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partialmethod
from pathlib import Path

import pytest

from orchestrator.backend import Run
from orchestrator.backends.sostrades import KIND, service
from orchestrator.emulators.sostrades.kind import KIND as EMULATED
from orchestrator.testing.contract import Service, ServiceContract, StandIn, running
from orchestrator.testing.contract.ground import IMPATIENT
from orchestrator.testing.contract.place import Options
from tests.emulated import Ending
from tests.sostrades import conftest as here


def _set_key(root: Path, _: str) -> None:
    """Leave the key to the stand-in, which makes one: 32 hexadecimal digits, as over there."""


async def _stop_there(service: Service, run: Run) -> None:
    await here.stop_there(service.tell, run)


def _apart(service: Service, options: Options) -> Options:
    return here.apart(service.tell, options)


class TestUnderFaults(ServiceContract):
    """The stand-in in a thread."""

    stand_in = StandIn(
        kind=KIND,
        emulated=EMULATED,
        bodies=here.BODIES,
        starts="POST /api/v0/calculation/execute/*",
        set_password=_set_key,
        own=(
            "odd-status=DEFERRED",
            "foreign-id",
            "fails-after=500",
            "fails-after=400",
            "slow-execute=0.2",
        ),
        dials=here.REPAIRED,
        fetches="POST /api/v0/study-case/*/parameter/download",
        unseen=("wrong-bytes", "short-length"),
        stop_there=_stop_there,
        apart=_apart,
        is_of=lambda run, tags: tags == [str(run.options["study"])],
        called=lambda remote_id: remote_id.partition("/")[2],
        knows_absence=False,
    )

    @pytest.fixture
    def service(self, tmp_path: Path, ending: Ending) -> Iterator[Service]:
        """Run the stand-in; it ends beside the tests that follow."""
        with ExitStack() as stack:
            root = tmp_path / "service"
            yield stack.enter_context(running(self.stand_in, root, self.form))
            ending(stack.pop_all().close)

    @contextmanager
    def impatience(self) -> Iterator[None]:
        """Shorten also what a study's loading may take."""
        short = property(lambda _: IMPATIENT, lambda _self, _seconds: None)
        with super().impatience(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(service.Service, "_patience", short, raising=False)
            patch.setattr(service.Service, "load", partialmethod(service.Service.load, seconds=1))
            yield


@pytest.mark.long  # of the everyday share, the daemon's own run under faults is against a process
class TestProcessUnderFaults(TestUnderFaults):
    """The stand-in as a process of its own."""

    form = "process"
