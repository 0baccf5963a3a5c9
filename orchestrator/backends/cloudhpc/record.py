"""The whole record of a simulation, with its output: one call a look, and one at its end."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from orchestrator.backends.cloudhpc import simulations
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.judging import is_final
from orchestrator.backends.cloudhpc.replies import Simulation
from orchestrator.backends.http import Use

RECORD = "simulation.json"
MOST = 50  # records with their output that are kept in memory


@dataclass(slots=True)
class Record:
    """A simulation as it was at `at` (seconds)."""

    simulation: Simulation
    at: float

    @property
    def final(self) -> bool:
        """Whether it will not change any more."""
        return is_final(self.simulation)

    def files(self) -> dict[str, bytes]:
        """Return what is kept of it beside the outputs: the record with its cost, and its words."""
        said = {"output.log": self.simulation.output, "logs.log": self.simulation.logs}
        text = json.dumps(self.simulation.facts(), indent=2, ensure_ascii=False) + "\n"
        words = {name: text for name, text in said.items() if text}
        return {name: text.encode() for name, text in {RECORD: text, **words}.items()}


@dataclass(slots=True)
class Records:
    """Asks for records, and keeps them: what is listed of one is read from it."""

    calls: Calls
    now: Callable[[], float]
    _kept: dict[int, Record] = field(default_factory=dict)

    async def of(self, id_: int) -> Record:
        """Return the record of a simulation, as fresh as it can matter."""
        kept = self._kept.get(id_)
        if kept is not None and kept.final:
            return kept
        at = self.now()
        record = Record(await simulations.view(self.calls, id_, Use.TRANSFER), at)
        kept = self._kept.pop(id_, None)  # one that was asked for meanwhile may be the final one
        self._kept[id_] = kept if kept is not None and kept.final else record
        for old in list(self._kept)[:-MOST]:
            del self._kept[old]
        return self._kept[id_]

    async def last(self, id_: int) -> Record:
        """Return the record that was got last: a new one of a live run is another, and a call."""
        return self._kept.get(id_) or await self.of(id_)

    def forget(self, id_: int) -> None:
        """Drop what is kept of a simulation."""
        self._kept.pop(id_, None)
