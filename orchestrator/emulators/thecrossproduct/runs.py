"""/app: what can be run, and the processes that were."""

import time

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.thecrossproduct import apps, fields, paging
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.apps import App
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.conductor import Conductor
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.licences import Licences
from orchestrator.emulators.thecrossproduct.processes import FILTERS, Processes, is_wanted, record
from orchestrator.emulators.thecrossproduct.refusal import RefusalError, text
from orchestrator.emulators.thecrossproduct.uris import Uris

RUN = {
    "inputs": fields.table,
    "output-prefix": fields.words,
    "tags": fields.texts,
    "pool": fields.texts,
}


def routes(
    ground: Ground,
    accounts: Accounts,
    processes: Processes,
    conductor: Conductor,
    licences: Licences,
    prefix: str,
) -> list[Route]:
    """Return the routes of /app, without those of outputs."""

    async def list_apps(_: Request, __: Caller) -> Response:
        found: dict[str, list[str]] = {}
        for app in apps.APPS:
            found.setdefault(app.domain, []).append(app.name)
        return JSONResponse(found)

    async def page(request: Request, _: Caller) -> Response:
        return PlainTextResponse(_app(request).text)

    async def inputs(request: Request, _: Caller) -> Response:
        return JSONResponse(apps.schema(_app(request)))

    async def run(request: Request, caller: Caller) -> Response:
        app = _app(request)
        body = await body_of(request, RUN, "inputs")
        if (problem := apps.problem(app, body["inputs"])) is not None:
            raise RefusalError(400, problem)
        uris = Uris(accounts, ground.objects, caller.account)
        wish = body.get("output-prefix", "").strip("/")
        place = uris.place(wish) if wish else None
        where = (place.bucket, place.key) if place else (caller.account, "")
        licences.use(caller.account, app.title, f"POST {request.url.path}")
        named = apps.files(app, body["inputs"]).values()
        agent = request.headers.get("user-agent", "")
        who = (app.domain, app.name)
        id_ = processes.add(caller.account, who, body, where, _quote(uris, list(named)), agent)
        conductor.launch(id_)
        return JSONResponse({"id": id_})

    def mine(caller: Caller, id_: str) -> Row:
        row = processes.get(id_)
        if row is None or row["account"] != caller.account:
            raise RefusalError(404, f"Process '{id_}' does not exist")
        return row

    async def get(request: Request, caller: Caller) -> Response:
        row = mine(caller, request.path_params["process_id"])
        return JSONResponse(record(ground, row, f"GET {request.url.path}"))

    async def cost(request: Request, caller: Caller) -> Response:
        return JSONResponse({"cost": mine(caller, request.path_params["process_id"])["cost"]})

    async def delete(request: Request, caller: Caller) -> Response:
        ids = request.path_params["process_id"].split(",")
        _end([mine(caller, id_)["id"] for id_ in ids], keep=_keep(request))
        return text("Deleted")

    async def delete_all(request: Request, caller: Caller) -> Response:
        _end([row["id"] for row in processes.of(caller.account)], keep=_keep(request))
        return text("Deleted")

    def _end(ids: list[str], *, keep: bool) -> None:
        for id_ in ids:
            conductor.kill(id_)
            if not keep:
                processes.erase(id_)

    async def list_(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.Cut(await body_of(request, FILTERS)))

    async def turn(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.unseal(_key(caller), request))

    def _key(caller: Caller) -> bytes:
        return ground.objects.signing_key + f"processes {caller.account}".encode()

    def _page(request: Request, caller: Caller, cut: paging.Cut) -> Response:
        where = f"{request.method} {request.url.path}"
        lag = float(ground.faults.strike("list-lag", where) or 0)
        rows = [
            row
            for row in processes.of(caller.account)
            if is_wanted(row, cut.query) and row["launched"] <= time.time() - lag
        ]
        url = f"{request.base_url}{prefix.strip('/')}/app/processes"
        chosen, about = paging.page(_key(caller), url, cut, [(row["id"], row) for row in rows])
        if not chosen and ground.faults.strike("empty-list", where) is not None:
            return Response(b"", media_type="application/json")
        ignored = set(cut.query.get("ignores", []))
        told = [record(ground, row, where) for row in chosen]
        shown = [{name: it for name, it in one.items() if name not in ignored} for one in told]
        return JSONResponse({"paging": about, "processes": shown})

    at, one = f"{prefix}/app", "/process/{process_id}"
    app_path = f"{at}/{{domain}}/{{app}}"
    return [
        Route(at, knowing(accounts, list_apps), methods=["GET"]),
        Route(f"{at}/process/cost/{{process_id}}", knowing(accounts, cost), methods=["GET"]),
        Route(at + one, knowing(accounts, get), methods=["GET"]),
        Route(at + one, knowing(accounts, delete), methods=["DELETE"]),
        Route(f"{at}/processes", knowing(accounts, list_), methods=["GET", "POST"]),
        Route(f"{at}/processes", knowing(accounts, delete_all), methods=["DELETE"]),
        *paging.routes(f"{at}/processes", knowing(accounts, turn)),
        Route(app_path, knowing(accounts, page), methods=["GET"]),
        Route(f"{app_path}/inputs", knowing(accounts, inputs), methods=["GET"]),
        Route(f"{app_path}/run", knowing(accounts, run), methods=["POST"]),
    ]


def _app(request: Request) -> App:
    domain, name = request.path_params["domain"], request.path_params["app"]
    app = apps.find(domain, name)
    if app is None:
        raise RefusalError(404, f"Unknown application '{domain}@{name}'")
    return app


def _keep(request: Request) -> bool:
    value = request.query_params.get("keep", "false")
    if value not in ("true", "false"):
        raise RefusalError(400, "keep must be true or false")
    return value == "true"


def _quote(uris: Uris, named: list[str]) -> float:
    """Return a tenth of a cent, and a cent for each 10 000 bytes of input."""
    size = 0
    for uri in named:
        try:
            size += uris.file(uri)["size"]
        except RefusalError:  # found out when it is fetched
            continue
    return round(0.001 + size * 1e-6, 6)
