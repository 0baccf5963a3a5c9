"""What can be had from the service: a slip in a job file is told before anything is sent."""

from collections.abc import Callable
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import inf

from anyio import Lock

from orchestrator.backend import RejectedError
from orchestrator.backends.cloudhpc import simulations
from orchestrator.backends.cloudhpc.calls import Calls
from orchestrator.backends.cloudhpc.model import RunTable
from orchestrator.backends.http import Use
from orchestrator.document import value_text

LIVES = 12 * 3600.0  # seconds for which a list is believed that has what is wanted
ASK_AGAIN = 600.0  # seconds until a list is asked for again that lacks it
MOST_SHOWN = 12

_ASK = {"cpu": simulations.cpus, "ram": simulations.rams, "script": simulations.scripts}


@dataclass(slots=True)
class Choices:
    """The lists of an account, kept for half a day: every look at one costs a call."""

    name: str
    calls: Calls
    now: Callable[[], float]
    _kept: dict[str, tuple[float, list[str]]] = field(default_factory=dict)
    _asking: Lock = field(default_factory=Lock)  # jobs that come together ask once

    async def check(self, table: RunTable) -> None:
        """Raise RejectedError for what the service does not offer, with what it does."""
        for what, wanted in (("script", table.script), ("ram", table.ram), ("cpu", str(table.cpu))):
            async with self._asking:
                asked, offered = self._kept.get(what, (-inf, []))
                lives = LIVES if wanted in offered else ASK_AGAIN
                if self.now() - asked >= lives:
                    offered = await _ASK[what](self.calls, Use.SUBMIT)
                    self._kept[what] = (self.now(), offered)
            if wanted not in offered:
                raise RejectedError(
                    f"`{what}`: the service does not offer {value_text(wanted)}; it offers"
                    f" {_shown(wanted, offered)} (orchestrator remote {self.name} {what}s)",
                    effect="none",
                )


def _shown(wanted: str, offered: list[str]) -> str:
    near = [] if wanted.isdecimal() else get_close_matches(wanted, offered, MOST_SHOWN)
    near = near or offered[:MOST_SHOWN]
    more = ", …" if len(near) < len(offered) else ""
    return ", ".join(map(value_text, near)) + more if near else "nothing at all"
