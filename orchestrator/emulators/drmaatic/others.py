"""What tests do in the place of somebody else, and what they are told without the service."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.drmaatic.dialects import DONE
from orchestrator.emulators.drmaatic.people import Person
from orchestrator.emulators.drmaatic.rows import Rows
from orchestrator.emulators.drmaatic.slurm import Slurm
from orchestrator.emulators.front import CONTROL


def routes(rows: Rows, slurm: Slurm) -> list[Route]:
    """Return the routes.

    POST …/runs {description, owner?, entry?, status?, count?} adds runs of the same account, GET
    …/jobs tells what really becomes of Slurm's jobs.
    """

    async def add(request: Request) -> Response:
        wish = await request.json()
        owner = Person(wish.get("owner", "alice"))
        entry, status = wish.get("entry", "sleep"), wish.get("status", DONE)
        found = []
        for _ in range(int(wish.get("count", 1))):
            found.append(rows.add(owner, entry, status))
            rows.change(found[-1], description=wish["description"])
        return JSONResponse(found)

    async def jobs(_: Request) -> Response:
        return JSONResponse(slurm.jobs())

    return [
        Route(f"{CONTROL}/runs", add, methods=["POST"]),
        Route(f"{CONTROL}/jobs", jobs, methods=["GET"]),
    ]
