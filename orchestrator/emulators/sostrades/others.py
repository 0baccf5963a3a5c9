"""What tests do in the place of somebody else, and what they are told without the service."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.emulators.front import CONTROL
from orchestrator.emulators.sostrades.calculations import Calculations
from orchestrator.emulators.sostrades.catalogue import PROCESSES
from orchestrator.emulators.sostrades.conductor import Conductor
from orchestrator.emulators.sostrades.executions import NOT_EXECUTED, Executions
from orchestrator.emulators.sostrades.studies import Right, Studies
from orchestrator.emulators.sostrades.updates import Updates

Act = Callable[[int], object]


class Others:
    """Somebody who works with the same studies, in the web interface or on the machine.

    POST …/studies {process, name} makes a study; POST …/studies/N/edit {variable: value} changes
    one at once; …/execute, …/stop, …/kill (its process dies) and …/wake (it sleeps no longer) are
    about its execution; …/status {status} and …/right {right} set what they say. GET …/studies and
    …/executions tell what really goes on.
    """

    def __init__(
        self,
        studies: Studies,
        executions: Executions,
        updates: Updates,
        conductor: Conductor,
        calculations: Calculations,
    ) -> None:
        self._studies, self._executions = studies, executions
        self._updates, self._conductor = updates, conductor
        self._calculations = calculations

    def routes(self) -> list[Route]:
        """Return the routes."""
        one = f"{CONTROL}/studies/{{study:int}}"
        acts: dict[str, Act] = {
            "execute": lambda study: self._calculations.begin(study, f"POST study {study}"),
            "stop": self._conductor.stop,
            "kill": self._conductor.kill,
            "wake": self._conductor.wake,
        }
        return [
            Route(f"{CONTROL}/executions", self._tell_executions, methods=["GET"]),
            Route(f"{CONTROL}/studies", self._tell, methods=["GET"]),
            Route(f"{CONTROL}/studies", self._add, methods=["POST"]),
            Route(f"{one}/edit", self._edit, methods=["POST"]),
            Route(f"{one}/status", self._set_status, methods=["POST"]),
            Route(f"{one}/right", self._grant, methods=["POST"]),
            *(Route(f"{one}/{name}", _acting(act), methods=["POST"]) for name, act in acts.items()),
        ]

    async def _tell_executions(self, _: Request) -> Response:
        return JSONResponse(self._executions.all())

    async def _tell(self, _: Request) -> Response:
        rows = self._studies.all()
        return JSONResponse(
            [
                {
                    "id": row["id"],
                    "name": row["name"],
                    "process": row["process"],
                    "status": self._executions.status(row["id"]),
                    "is_updated": self._updates.is_going_on(row["id"]),
                }
                for row in rows
            ]
        )

    async def _add(self, request: Request) -> Response:
        wish = await request.json()
        process = PROCESSES.get(wish["process"])
        if process is None:
            return PlainTextResponse(f"no such process; there are {', '.join(PROCESSES)}", 400)
        return JSONResponse(self._studies.add(process, wish["name"]))

    async def _edit(self, request: Request) -> Response:
        study, changes = request.path_params["study"], await request.json()
        unknown = changes.keys() - self._studies.values(study).keys()
        if unknown:
            return PlainTextResponse(f"no variable {', '.join(sorted(unknown))}", 400)
        self._studies.write(study, changes)
        self._studies.touch(study)
        self._executions.set_status(study, NOT_EXECUTED)
        return JSONResponse(None)

    async def _set_status(self, request: Request) -> Response:
        status = (await request.json())["status"]
        self._executions.set_status(request.path_params["study"], status)
        return JSONResponse(None)

    async def _grant(self, request: Request) -> Response:
        right = (await request.json())["right"]
        level = Right[right] if right else 0
        self._studies.grant(request.path_params["study"], level)
        return JSONResponse(None)


def _acting(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        return JSONResponse(act(request.path_params["study"]))

    return answer
