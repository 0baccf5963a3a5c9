"""/app: what can be run, and the processes that were."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground, origin
from orchestrator.emulators.thecrossproduct import apps, fields, paging
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.apps import App
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.conductor import Conductor
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.licences import Licences
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.processes import FILTERS, Processes, is_wanted, record
from orchestrator.emulators.thecrossproduct.refusal import RefusalError, text
from orchestrator.emulators.thecrossproduct.uris import Uris

RUN = {
    "inputs": fields.table,
    "output-prefix": fields.words,
    "tags": fields.texts,
    "pool": fields.as_sent(fields.text_or_texts),
}


class Runs:
    """The endpoints of /app, without those of outputs."""

    def __init__(
        self,
        ground: Ground,
        accounts: Accounts,
        processes: Processes,
        conductor: Conductor,
        licences: Licences,
    ) -> None:
        self._ground, self._accounts, self._processes, self._conductor, self._licences = (
            ground,
            accounts,
            processes,
            conductor,
            licences,
        )

    def routes(self) -> list[Route]:
        """Return the routes."""
        at, one = f"{PREFIX}/app", "/process/{process_id}"
        app_path = f"{at}/{{domain}}/{{app}}"
        return [
            Route(at, knowing(self._accounts, self._list_apps), methods=["GET"]),
            Route(
                f"{at}/process/cost/{{process_id}}",
                knowing(self._accounts, self._cost),
                methods=["GET"],
            ),
            Route(at + one, knowing(self._accounts, self._get), methods=["GET"]),
            Route(at + one, knowing(self._accounts, self._delete), methods=["DELETE"]),
            Route(f"{at}/processes", knowing(self._accounts, self._list_), methods=["GET", "POST"]),
            Route(f"{at}/processes", knowing(self._accounts, self._delete_all), methods=["DELETE"]),
            *paging.routes(f"{at}/processes", knowing(self._accounts, self._turn)),
            Route(app_path, knowing(self._accounts, self._describe), methods=["GET"]),
            Route(f"{app_path}/inputs", knowing(self._accounts, self._inputs), methods=["GET"]),
            Route(f"{app_path}/run", knowing(self._accounts, self._run), methods=["POST"]),
        ]

    async def _list_apps(self, _: Request, __: Caller) -> Response:
        found: dict[str, list[str]] = {}
        for app in apps.APPS:
            found.setdefault(app.domain, []).append(app.name)
        return JSONResponse(found)

    async def _describe(self, request: Request, _: Caller) -> Response:
        return PlainTextResponse(_app(request).text)

    async def _inputs(self, request: Request, _: Caller) -> Response:
        return JSONResponse(apps.schema(_app(request)))

    async def _run(self, request: Request, caller: Caller) -> Response:
        app = _app(request)
        body = await body_of(request, RUN, "inputs")
        if (problem := apps.problem(app, body["inputs"])) is not None:
            raise RefusalError(400, problem)
        uris = Uris(self._accounts, self._ground.objects, caller.account)
        wish = body.get("output-prefix", "").strip("/")
        place = uris.place(wish) if wish else None
        where = (place.bucket, place.key) if place else (caller.account, "")
        self._licences.use(caller.account, app.title, f"POST {request.url.path}")
        named = apps.files(app, body["inputs"]).values()
        agent = request.headers.get("user-agent", "")
        who = (app.domain, app.name)
        quote = _quote(uris, list(named))
        id_ = self._processes.add(caller.account, who, body, place=where, quote=quote, agent=agent)
        self._conductor.launch(id_)
        return JSONResponse({"id": id_})

    def _mine(self, caller: Caller, id_: str) -> Row:
        row = self._processes.get(id_)
        if row is None or row["account"] != caller.account:
            raise RefusalError(404, f"Process '{id_}' does not exist")
        return row

    async def _get(self, request: Request, caller: Caller) -> Response:
        row = self._mine(caller, request.path_params["process_id"])
        return JSONResponse(record(self._ground, row, f"GET {request.url.path}"))

    async def _cost(self, request: Request, caller: Caller) -> Response:
        return JSONResponse({"cost": self._mine(caller, request.path_params["process_id"])["cost"]})

    async def _delete(self, request: Request, caller: Caller) -> Response:
        ids = request.path_params["process_id"].split(",")
        self._end([self._mine(caller, id_)["id"] for id_ in ids], keep=_keep(request))
        return text("Deleted")

    async def _delete_all(self, request: Request, caller: Caller) -> Response:
        self._end([row["id"] for row in self._processes.of(caller.account)], keep=_keep(request))
        return text("Deleted")

    def _end(self, ids: list[str], *, keep: bool) -> None:
        for id_ in ids:
            self._conductor.kill(id_)
            if not keep:
                self._processes.erase(id_)

    async def _list_(self, request: Request, caller: Caller) -> Response:
        return self._page(request, caller, paging.Cut(await body_of(request, FILTERS)))

    async def _turn(self, request: Request, caller: Caller) -> Response:
        return self._page(request, caller, paging.unseal(self._key(caller), request))

    def _key(self, caller: Caller) -> bytes:
        return self._ground.objects.signing_key + f"processes {caller.account}".encode()

    def _page(self, request: Request, caller: Caller, cut: paging.Cut) -> Response:
        where = f"{request.method} {request.url.path}"
        lag = float(self._ground.faults.strike("list-lag", where) or 0)
        rows = [
            row
            for row in self._processes.of(caller.account)
            if is_wanted(row, cut.query) and row["launched"] <= self._ground.clock.now() - lag
        ]
        url = f"{origin(request)}{PREFIX}/app/processes"
        chosen, about = paging.page(self._key(caller), url, cut, [(row["id"], row) for row in rows])
        if not chosen and self._ground.faults.strike("empty-list", where) is not None:
            return Response(b"", media_type="application/json")
        ignored = set(cut.query.get("ignores", []))
        told = [record(self._ground, row, where) for row in chosen]
        shown = [{name: it for name, it in one.items() if name not in ignored} for one in told]
        return JSONResponse({"paging": about, "processes": shown})


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
