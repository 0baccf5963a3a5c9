"""The `sostrades` backend keeps its contract while the service fails in every way."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partialmethod
from pathlib import Path
from random import Random

import pytest

from orchestrator.backend import (
    Alive,
    Finished,
    NoAnswer,
    ProtocolError,
    Run,
    TransientError,
    Unclear,
)
from orchestrator.backends.sostrades import KIND
from orchestrator.backends.sostrades.service import Service as Client
from orchestrator.emulators.sostrades.kind import KIND as EMULATED
from orchestrator.testing.contract import Place, Service, ServiceContract, StandIn, running
from orchestrator.testing.contract.ground import IMPATIENT
from orchestrator.testing.contract.place import Options
from orchestrator.testing.contract.striking import struck
from orchestrator.testing.contract.transfers import ended
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
        tag=lambda run: f"study {run.options['study']};",
        knows_absence=False,
    )

    @pytest.fixture
    def service(self, tmp_path: Path, ending: Ending) -> Iterator[Service]:
        """Run the stand-in; it ends beside the tests that follow."""
        with ExitStack() as stack:
            root = tmp_path / "service"
            yield stack.enter_context(running(self.stand_in, root, self.form))
            ending(stack.pop_all().close)

    async def test_hostile_names_stay_inside(
        self, place: Place, service: Service, tmp_path: Path
    ) -> None:
        """A service could write over the user's files, if it were asked for a name."""
        del service, tmp_path
        run = await ended(place)
        names = {output.name for output in await place.backend.list_outputs(run)}
        assert names == {place.bodies.named("out.bin"), "execution.log"}

    async def test_two_runs_with_one_key_are_a_person_s_matter(
        self, place: Place, service: Service
    ) -> None:
        """A job would take somebody else's calculation for the one that it lost."""
        run = place.run("1", place.bodies.writes("out", 1))
        while run.memo.get("before") is None:
            run = await place.further(run)
        service.put(f"drop-before,on={self.stand_in.starts}")
        with pytest.raises(TransientError) as caught:
            await place.submit(run)
        assert caught.value.effect == "possible"
        service.put()
        study = f"studies/{run.options['study']}"
        service.tell(f"{study}/edit", **{"Lines.count": 2})
        service.tell(f"{study}/execute")
        finding = await place.backend.find(run)
        assert isinstance(finding, Unclear)
        assert "somebody" in finding.why

    async def test_a_cancel_under_faults_can_be_repeated_and_stops_the_work(
        self, place: Place, service: Service
    ) -> None:
        """A person who cancels would spoil the calculation, or wait for a service that is down."""
        run = await place.started(place.run("1", place.bodies.sleeps))
        service.put("drop-before")
        before = service.told()["calls"]
        for _ in range(2):
            assert "web interface" in await place.cannot_stop(run)
        assert service.told()["calls"] == before
        service.put()
        assert isinstance(await place.poll(run), Alive)
        end = await place.end(await place.cancelled(run))
        assert isinstance(end, Finished)
        assert (end.ok, end.stopped) == (False, "cancel")

    async def test_a_fault_is_never_taken_for_somebody_s_values(
        self, place: Place, service: Service, seeded: Random | None
    ) -> None:
        """A calculation that went well would be given to a person, as if others had spoilt it."""
        run = await ended(place)
        right = 0
        async for fault, answers in struck(
            place,
            service,
            lambda: place.backend.poll([run]),
            more=self.stand_in.own,
            random=seeded,
        ):
            if isinstance(answers, dict) and fault.split(",")[0] not in self.stand_in.unseen:
                answer = answers[run.key]
                assert isinstance(answer, NoAnswer) or getattr(answer, "ok", False), fault
                right += isinstance(answer, Finished)
        assert right

    @pytest.mark.parametrize("fault", ["html", "empty-json"])
    async def test_what_comes_in_place_of_a_value_is_no_result(
        self, place: Place, service: Service, fault: str
    ) -> None:
        """The page of a proxy would be stored as the result of a calculation, or nothing at all."""
        run = await ended(place)
        [output] = [one for one in await place.backend.list_outputs(run) if not one.log]
        service.put(f"{fault},on={self.stand_in.fetches}")
        with pytest.raises(ProtocolError):
            await place.read(run, output)
        with pytest.raises(ProtocolError):
            await place.backend.poll([run])

    async def test_the_execution_before_ours_is_not_ours(
        self, place: Place, service: Service
    ) -> None:
        """A job would be given the results of what was calculated before it came."""
        run = place.run("1", place.bodies.fails(0))
        service.tell(f"studies/{run.options['study']}/execute")
        while run.memo.get("before") is None:
            run = await place.further(run)
        service.put(f"drop-before,on={self.stand_in.starts}")
        with pytest.raises(TransientError) as caught:
            await place.submit(run)
        assert caught.value.effect == "possible"
        service.put()
        finding = await place.backend.find(run)
        assert isinstance(finding, Unclear)
        assert f"its last execution is still {run.memo['before']}" in finding.why

    async def test_a_value_that_is_not_shown_is_asked_for_again(
        self, place: Place, service: Service
    ) -> None:
        """A fault of the service would give a good calculation to a person, to be made again."""
        run = await ended(place)
        service.put(f"fails-after=400,on={self.stand_in.fetches}")
        answer = await place.poll(run)
        assert isinstance(answer, NoAnswer)
        assert "cannot be read back" in answer.why
        service.put()
        assert isinstance(await place.poll(run), Finished)

    @contextmanager
    def impatience(self) -> Iterator[None]:
        """Shorten also what a study's loading may take."""
        short = property(
            lambda _: IMPATIENT, lambda it, seconds: it.__dict__.update(_patience=seconds)
        )
        with super().impatience(), pytest.MonkeyPatch.context() as patch:
            patch.setattr(Client, "_patience", short, raising=False)
            patch.setattr(Client, "load", partialmethod(Client.load, seconds=1))
            yield


@pytest.mark.long  # of the everyday share, the daemon's own run under faults is against a process
class TestProcessUnderFaults(TestUnderFaults):
    """The stand-in as a process of its own."""

    form = "process"
