"""What tests do in the place of somebody else who shares the account."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.cloudhpc.account import Account
from orchestrator.emulators.cloudhpc.simulations import COMPLETED, Simulations
from orchestrator.emulators.front import CONTROL


def routes(account: Account, simulations: Simulations) -> list[Route]:
    """Return the routes: POST …/calls {count}, and …/simulations {folder, count?, status?}."""

    async def call(request: Request) -> Response:
        account.note("others", int((await request.json())["count"]))
        return JSONResponse(account.told())

    async def add(request: Request) -> Response:
        wish = await request.json()
        count, status = int(wish.get("count", 1)), int(wish.get("status", COMPLETED))
        return JSONResponse(simulations.add_others(str(wish["folder"]), count, status))

    return [
        Route(f"{CONTROL}/calls", call, methods=["POST"]),
        Route(f"{CONTROL}/simulations", add, methods=["POST"]),
    ]
