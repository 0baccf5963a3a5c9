"""Studies of the stand-in service, and a client that goes about them as the engine does."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from pydantic import JsonValue

from orchestrator.backend import Alive, Answer, Begun, Input, Run, StageStep, TransientError
from orchestrator.backends.http import digest
from orchestrator.backends.sostrades import KIND
from orchestrator.backends.sostrades.backend import SosTrades
from orchestrator.core.spec import Outputs
from orchestrator.emulators.sostrades.kind import KIND as EMULATED
from orchestrator.testing.contract import Bodies, Place, open_place
from orchestrator.testing.contract.place import DEADLINE, LOOK_EVERY
from tests.emulated import Emulated, Ending, emulating

SLOW, COUPLING, SELLAR, TYPES = 1, 2, 3, 4  # studies that are there
EXECUTE = "POST /api/v0/calculation/execute/*"  # the pattern of a fault
EXECUTED = "POST /api/v0/calculation/execute/{study:int}"  # what is counted
SENT = "POST /api/v0/study-case/{study:int}/parameters"
TABLE = b"years,quantity\n1990,1\n1991,2\n"
FACTOR, SLEEP, FAIL = "slow1.Slow.factor", "slow1.Slow.sleep_s", "slow1.Slow.fail"
OUT, IN = "slow1.Slow.out_table", "slow1.Slow.table"


@dataclass
class Lab:
    """The stand-in, and the backend that speaks to it."""

    emulated: Emulated
    place: Place
    folder: Path

    @property
    def backend(self) -> SosTrades:
        """The backend as it is open now."""
        assert isinstance(self.place.backend, SosTrades)
        return self.place.backend

    def run(self, study: int = SLOW, key: str = "1", **table: Any) -> Run:
        """Return a run of a study; `tables` are given with their content."""
        contents = table.pop("tables", {})
        outputs = table.pop("outputs", Outputs())
        inputs = {}
        for number, (name, content) in enumerate(contents.items()):
            path = self.folder / f"{key}-{number}.csv"
            path.write_bytes(content)
            inputs[path.name] = Input(path, *digest(path))
            table.setdefault("tables", {})[name] = path.name
        run = self.place.run(key, {"study": study, **table}, outputs=outputs)
        return replace(run, inputs=inputs)

    async def staged(self, run: Run) -> None:
        """Have all inputs of a run looked at."""
        for name, it in run.inputs.items():
            await self.backend.stage(run, StageStep(name, it.path, among=frozenset(run.inputs)))

    async def step(self, run: Run) -> Run:
        """Submit once; return the run as it is known from then on."""
        answer = await self.backend.submit(run)
        if isinstance(answer, Begun):
            return replace(run, memo=answer.memo)
        return replace(run, remote_id=answer.remote_id)

    async def ready(self, run: Run) -> Run:
        """Go on until the next submit would execute the study."""
        return await self._until(run, lambda it: it.memo.get("before") is not None)

    async def started(self, run: Run) -> Run:
        """Go on until the study is executed."""
        return await self._until(run, lambda it: it.remote_id is not None)

    async def end(self, run: Run) -> Answer:
        """Return the first answer that is not that it goes on."""
        with anyio.fail_after(DEADLINE):
            answer = await self.poll(run)
            while isinstance(answer, Alive):
                answer = await self.poll(run)
        return answer

    async def poll(self, run: Run) -> Answer:
        """Return how a run stands."""
        return (await self.backend.poll([run]))[run.key]

    async def finished(self, study: int = SLOW, **table: Any) -> Run:
        """Return a run that has ended over there."""
        run = await self.started(self.run(study, **table))
        await self.end(run)
        return run

    def executions(self, study: int | None = None) -> list[dict[str, Any]]:
        """Return what really was executed over there."""
        import httpx  # noqa: PLC0415 - nothing else here needs it

        found = httpx.get(f"{self.emulated.control}/executions").raise_for_status().json()
        return [it for it in found if study in {None, it["study"]}]

    def somebody(self, does: str, study: int = SLOW, **wish: JsonValue) -> None:
        """Do what somebody does in the web interface."""
        self.emulated.tell(f"studies/{study}/{does}", **wish)

    def edits(self, factor: float) -> None:
        """Somebody sets the factor of the slow study."""
        self.emulated.tell(f"studies/{SLOW}/edit", **{"Slow.factor": factor})

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what happens over there without our asking."""
        with anyio.fail_after(DEADLINE):
            while not is_so():  # noqa: ASYNC110 - nobody tells
                await anyio.sleep(LOOK_EVERY)

    async def _until(self, run: Run, is_so: Callable[[Run], bool]) -> Run:
        await self.staged(run)
        with anyio.fail_after(DEADLINE):
            while not is_so(run):
                try:
                    run = await self.step(run)
                except TransientError as error:
                    if error.effect != "none":
                        raise
                    await anyio.sleep(LOOK_EVERY)
        return run


@asynccontextmanager
async def open_lab(folder: Path, ending: Ending, **dials: float) -> AsyncIterator[Lab]:
    """Serve the emulator in a thread, and open the backend."""
    bodies = Bodies(
        writes=lambda _name, _times: {}, copies=lambda _source, _name: {}, fails=lambda _code: {},
        sleeps={}, lingers=lambda _name, _times: {},
    )  # fmt: skip
    with emulating(KIND, EMULATED, folder / "service", ending, **dials) as emulated:
        at = folder / "place"
        async with open_place(
            KIND, emulated.options, at, bodies, secrets=emulated.secrets
        ) as place:
            (folder / "inputs").mkdir()
            yield Lab(emulated, place, folder / "inputs")


async def live(lab: Lab) -> Run:
    """Start a calculation that goes on until it is woken; wait until it really runs."""
    run = await lab.started(lab.run(SLOW, parameters={SLEEP: 1000, FACTOR: 3.5}, values=[OUT]))
    while (await lab.poll(run)) != Alive("RUNNING"):
        pass
    return run
