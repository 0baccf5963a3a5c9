"""How values are written: some time after the call has been answered, as over there.

An update that is under way lives in memory only: it is lost with the server, and one that comes
while another is under way is answered like any other, and lost.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades.executions import NOT_EXECUTED, Executions
from orchestrator.emulators.sostrades.studies import Studies
from orchestrator.emulators.tasks import Tasks


class Updates:
    """The updates that are under way, at most one for each study."""

    def __init__(self, ground: Ground, studies: Studies, executions: Executions) -> None:
        self._ground, self._studies, self._executions = ground, studies, executions
        self._waiting: dict[int, tuple[Mapping[str, Any], float]] = {}
        self._tasks = Tasks(self._carry_out)

    def is_going_on(self, study: int) -> bool:
        """Whether a study is being updated."""
        return study in self._waiting

    def take(self, study: int, changes: Mapping[str, Any], where: str) -> None:
        """Accept changes: the study counts as not executed at once, the values come later."""
        self._executions.set_status(study, NOT_EXECUTED)
        self._studies.touch(study)
        lost = self._ground.faults.strike("lost-write", where)
        if lost is not None:
            changes = {name: it for name, it in changes.items() if not fnmatchcase(name, lost)}
        if self.is_going_on(study):
            return
        slow = self._ground.faults.strike("slow-update", where)
        wait = self._ground.step if slow is None else float(slow)
        self._waiting[study] = changes, wait
        self._tasks.launch(study)

    async def run(self) -> None:
        """Carry out what is taken, until cancelled."""
        await self._tasks.run([])

    async def _carry_out(self, study: int) -> None:
        changes, wait = self._waiting[study]
        await self._ground.clock.wait(wait)
        self._studies.write(study, changes)
        del self._waiting[study]
