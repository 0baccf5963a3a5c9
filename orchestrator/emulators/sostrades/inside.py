"""The ends of what is inside a study: its variables, and how they are written."""

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades import records
from orchestrator.emulators.sostrades.answers import RefusalError, json
from orchestrator.emulators.sostrades.bodies import changes_of, json_of
from orchestrator.emulators.sostrades.executions import NOT_EXECUTED
from orchestrator.emulators.sostrades.gate import Call, Gate
from orchestrator.emulators.sostrades.processes import Variable
from orchestrator.emulators.sostrades.studies import Right, Studies, inputs, process_of, short
from orchestrator.emulators.sostrades.updates import Updates
from orchestrator.emulators.sostrades.values import shown, written

LOAD_TIME = 30  # seconds that a load may take, unless the path says otherwise
NO_TREE = "'StudyCaseDto' object has no attribute 'treenode'"
NO_TIME = "cannot access local variable 'study_manager' where it is not associated with a value"
NO_VALUE = "expected str, bytes or os.PathLike object, not NoneType"


class Inside:
    """Loads studies, reads variables and writes them."""

    def __init__(self, ground: Ground, studies: Studies, updates: Updates) -> None:
        self._ground, self._studies, self._updates = ground, studies, updates

    def routes(self, gate: Gate, at: str) -> list[Route]:
        """Return the routes."""
        return [
            gate.route(at, "GET", Right.RESTRICTED_VIEWER, self._load),
            gate.route(f"{at}/{{timeout:int}}", "GET", Right.RESTRICTED_VIEWER, self._load),
            gate.route(f"{at}/parameters", "POST", Right.CONTRIBUTOR, self._write),
            gate.route(f"{at}/parameter/download", "POST", Right.COMMENTER, self._download),
        ]

    def _works(self, broken: str, call: Call) -> bool:
        """Whether something works that does not in 5.3.4."""
        is_repaired = bool(self._ground.dials["repaired"])
        return is_repaired and self._ground.faults.strike(broken, call.where) is None

    async def _load(self, call: Call) -> Response:
        """Tell the inputs that the caller may change, and the numerical settings."""
        time = int(call.request.path_params.get("timeout", LOAD_TIME))
        if time == 0:
            raise RefusalError(400, NO_TIME)
        if not self._works("no-load", call):
            raise RefusalError(400, NO_TREE)
        needed = float(self._ground.faults.strike("slow-load", call.where) or 0)
        await self._ground.clock.wait(min(needed, time))
        if needed > time or call.right < Right.COMMENTER:
            return json({})
        row = self._studies.get(call.study)
        found = inputs(process_of(row), self._studies.values(call.study))
        return json({
            f"{row['name']}.{name}": _told(variable, value)
            for name, variable, value in found
            if variable.numerical or call.right >= Right.CONTRIBUTOR
        })  # fmt: skip

    async def _write(self, call: Call) -> Response:
        """Take new values; the reply still tells when the study was changed before."""
        row = self._studies.get(call.study)
        works = self._works("no-csv", call)
        changes = await changes_of(call.request, row, takes_files=works)
        self._updates.take(call.study, changes, call.where)
        return json(records.study(row, NOT_EXECUTED))

    async def _download(self, call: Call) -> Response:
        """Tell the value of one variable as CSV, whatever its type is."""
        try:
            body = await json_of(call.request)
        except RefusalError as refusal:
            raise RefusalError(400, str(refusal)) from None
        variable = body.get("parameter_key") if isinstance(body, dict) else None
        name = short(self._studies.get(call.study), str(variable))
        if name is None:
            raise RefusalError(400, repr(variable))
        value = self._studies.values(call.study)[name]
        if value is None:
            raise RefusalError(400, NO_VALUE)
        return Response(written(value), media_type="text/csv")


def _told(variable: Variable, value: Any) -> dict[str, Any]:
    """Return what loading tells of a variable: what was declared stands before what was not."""
    optional = {"optional": variable.optional or variable.coupled}
    unit, name = {"unit": variable.unit}, {"var_name": variable.name}
    return {
        "type": variable.type,
        **(optional if variable.optional else {}),
        **(name | unit if variable.unit is None else unit | name),
        "value": shown(value),
        **optional,
    }
