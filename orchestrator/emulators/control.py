"""/_emulator: what tests ask a stand-in about itself, at a path no real service has."""

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.emulators.front import CONTROL, Front
from orchestrator.emulators.ground import Ground, Service


def routes(ground: Ground, front: Front, service: Service) -> list[Route]:
    """Return the routes that tell what happened, and change faults, settings and the time."""

    async def look(_: Request) -> Response:
        starts = ground.db.all("SELECT * FROM starts ORDER BY at, rowid")
        return JSONResponse(
            {
                "starts": [
                    {"run": it["run"], "tags": json.loads(it["tags"]), "at": it["at"]}
                    for it in starts
                ],
                "live": ground.work.live(),
                "calls": dict(front.calls),
                "under_way": front.under_way,
                "given": ground.given,
                "rules": [rule.spec for rule in ground.faults.rules],
                "fired": dict(ground.faults.fired),
                "settings": ground.dials.values,
                "clock": ground.clock.now(),
                **service.told(),
            }
        )

    async def put_faults(request: Request) -> Response:
        specs = await request.json()
        if not isinstance(specs, list) or not all(isinstance(it, str) for it in specs):
            return PlainTextResponse("expected a list of texts", 400)
        try:
            ground.faults.put(specs)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        return await look(request)

    async def put_settings(request: Request) -> Response:
        wishes = await request.json()
        if not isinstance(wishes, dict):
            return PlainTextResponse("expected an object of names and numbers", 400)
        try:
            ground.dials.set(wishes)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)
        return await look(request)

    async def move_clock(request: Request) -> Response:
        ground.clock.move(float((await request.json())["ahead"]))
        return await look(request)

    return [
        Route(CONTROL, look, methods=["GET"]),
        Route(f"{CONTROL}/faults", put_faults, methods=["PUT"]),
        Route(f"{CONTROL}/settings", put_settings, methods=["PUT"]),
        Route(f"{CONTROL}/clock", move_clock, methods=["POST"]),
        *service.control,
    ]
