"""The ends of calculations and of the charts that come of them."""

from typing import Any

from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades import charts
from orchestrator.emulators.sostrades.answers import RefusalError, json
from orchestrator.emulators.sostrades.conductor import Conductor
from orchestrator.emulators.sostrades.executions import (
    BUSY,
    FAILED,
    PENDING,
    POD_PENDING,
    Executions,
)
from orchestrator.emulators.sostrades.gate import Call, Gate
from orchestrator.emulators.sostrades.page import page
from orchestrator.emulators.sostrades.studies import Right, Studies, process_of

SUBMITTED = (
    "CalculationError(CalculationError(Study already submitted.\n"
    "It must be stopped/terminated before running a new one.))"
)


class Calculations:
    """Executes studies, and tells how they are."""

    def __init__(
        self, ground: Ground, studies: Studies, executions: Executions, conductor: Conductor
    ) -> None:
        self._ground, self._studies = ground, studies
        self._executions, self._conductor = executions, conductor

    def routes(self, gate: Gate, at: str) -> list[Route]:
        """Return the routes."""
        may_look = Right.RESTRICTED_VIEWER
        one = "{study:int}"
        return [
            gate.route(f"{at}/calculation/execute/{one}", "POST", Right.CONTRIBUTOR, self._execute),
            gate.route(f"{at}/calculation/status/{one}", "GET", may_look, self._status),
            gate.route(f"{at}/post-processing/{one}", "GET", may_look, self._charts),
            gate.route(f"{at}/post-processing/{one}/html", "GET", may_look, self._page),
        ]

    def begin(self, study: int, where: str) -> int:
        """Begin an execution, whatever else goes on; return its number."""
        cold = self._ground.faults.strike("cold-start", where)
        pod = self._ground.faults.strike("pod-pending", where)
        wait = float(cold or pod or self._ground.step)
        number = self._executions.add(study, wait, PENDING if pod is None else POD_PENDING)
        self._conductor.launch(number)
        return number

    async def _execute(self, call: Call) -> Response:
        """Execute a study. One that is busy is not, and its current execution counts as failed."""
        faults = self._ground.faults
        is_busy = self._executions.status(call.study) in BUSY
        if is_busy and faults.strike("no-lock", call.where) is None:
            self._executions.set_status(call.study, FAILED)
            raise RefusalError(400, SUBMITTED)
        await self._ground.clock.wait(float(faults.strike("slow-execute", call.where) or 0))
        self.begin(call.study, call.where)
        return json(self._told(call))

    async def _status(self, call: Call) -> Response:
        """Tell how a study is; not which execution that is about."""
        told, status = self._told(call), "study_case_execution_status"
        odd = self._ground.faults.strike("odd-status", call.where)
        return json(told if odd is None else told | {status: odd})

    def _told(self, call: Call) -> dict[str, Any]:
        foreign = self._ground.faults.strike("foreign-id", call.where) is not None
        other = {"study_case_id": call.study + 1} if foreign else {}
        return self._executions.told(call.study) | other

    async def _charts(self, call: Call) -> Response:
        """Tell all charts, drawn from the values that there are now."""
        row = self._studies.get(call.study)
        values = self._studies.values(call.study)
        return json(charts.of_study(row["name"], process_of(row), values))

    async def _page(self, call: Call) -> Response:
        """Tell the same as a page."""
        row = self._studies.get(call.study)
        drawn = charts.of_study(row["name"], process_of(row), self._studies.values(call.study))
        return HTMLResponse(page(call.study, row["name"], drawn))
