"""The ends beside a study's variables: its address, its copies, its log, its read-only mode."""

from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades import files, readonly
from orchestrator.emulators.sostrades.answers import BROKEN, RefusalError, json
from orchestrator.emulators.sostrades.bodies import json_of
from orchestrator.emulators.sostrades.executions import FINISHED, Executions
from orchestrator.emulators.sostrades.gate import Call, Gate
from orchestrator.emulators.sostrades.processes import Process, below
from orchestrator.emulators.sostrades.studies import Right, Studies, process_of

WEB = "http://127.0.0.1:4200"  # where the pages for people would be
READ_ONLY = "The study is not available in read only mode"
NO_NAME = "Missing mandatory parameter: new_name"
NO_GROUP = "'NoneType' object has no attribute 'id'"


class Beside:
    """What else there is of a study."""

    def __init__(self, ground: Ground, studies: Studies, executions: Executions) -> None:
        self._ground, self._studies, self._executions = ground, studies, executions

    def routes(self, gate: Gate, at: str) -> list[Route]:
        """Return the routes."""
        return [
            gate.route(f"{at}/url", "GET", None, self._url),
            gate.route(f"{at}/copy", "POST", Right.CONTRIBUTOR, self._copy),
            gate.route(f"{at}/logs", "GET", Right.COMMENTER, self._log),
            gate.route(f"{at}/read-only-mode", "GET", Right.RESTRICTED_VIEWER, self._read_only),
        ]

    async def _url(self, call: Call) -> Response:
        """Tell the address for people; whoever asks with a key of their own breaks the service."""
        if not call.caller.is_group:
            raise RefusalError(500, BROKEN, cookie=False)
        if self._studies.find(call.study) is None:
            text = f"Requested study case (identifier {call.study}) does not exist in the database"
            raise RefusalError(400, f"InvalidStudy({text})")
        return json({"study_url": f"{WEB}/study/{call.study}"})

    async def _copy(self, call: Call) -> Response:
        """Make a copy, which was never executed; return its number. Names may be the same."""
        try:
            name = (await json_of(call.request)).get("new_study_name")
            if name is None:
                raise RefusalError(400, NO_NAME)  # noqa: TRY301 - told like all others
        except RefusalError as refusal:
            raise RefusalError(400, str(refusal)) from None
        if not call.caller.is_group:
            raise RefusalError(400, NO_GROUP)
        row, values = self._studies.get(call.study), self._studies.values(call.study)
        if self._ground.faults.strike("empty-copy", call.where) is not None:
            values |= _nothing(process_of(row))
        return json(self._studies.add(process_of(row), name, values))

    async def _log(self, call: Call) -> Response:
        """Tell the log of the current execution."""
        number = self._studies.get(call.study)["execution"]
        path = self._executions.log(call.study, number)
        if number is None or not path.exists():
            raise RefusalError(500, f"[Errno 2] No such file or directory: '{path}'")
        reply = files.served(call.request, path, "application/octet-stream")
        if self._ground.faults.strike("foreign-id", call.where) is not None:
            other = path.name.replace(f"sc{call.study}-", f"sc{call.study + 1}-")
            reply.headers["Content-Disposition"] = f"inline; filename={other}"
        return reply

    async def _read_only(self, call: Call) -> Response:
        """Tell the whole study, without its values to who may only look."""
        if self._executions.status(call.study) != FINISHED:
            raise RefusalError(400, READ_ONLY)
        no_data = call.right < Right.COMMENTER
        path = readonly.path_of(self._ground.root, call.study, no_data=no_data)
        return files.served(call.request, path, "application/json")


def _nothing(process: Process) -> dict[str, None]:
    """Return no value for anything but the numerical settings; tables are none of those."""
    return {
        below(it.path, var.name): None
        for it, var in process.variables()
        if not var.numerical or var.type == "dataframe"
    }
