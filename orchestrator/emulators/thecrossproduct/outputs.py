"""/app/process/outputs: what a process left, with URLs that die."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground, origin
from orchestrator.emulators.thecrossproduct import fields, paging
from orchestrator.emulators.thecrossproduct.accounts import Accounts, Caller
from orchestrator.emulators.thecrossproduct.auth import knowing
from orchestrator.emulators.thecrossproduct.fields import body_of
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.processes import KEPT, Processes
from orchestrator.emulators.thecrossproduct.refusal import RefusalError

FILTERS = {
    "expired": fields.flag,
    "ignores": fields.texts,
    "items_per_page": fields.count,
    "key": fields.words,
    "key_contains": fields.words,
    "key_startswith": fields.words,
    "key_endswith": fields.words,
    "refresh": fields.flag,
}
HOSTILE = (
    "../escaped", "/etc/absolute", "a/../../b", "nul\0byte", "new\nline", "back\\slash",
    "e\x1b[31mred", "CASE.txt", "case.txt", "l" * 300, ".", "", "trailing/",
)  # fmt: skip


def routes(ground: Ground, accounts: Accounts, processes: Processes) -> list[Route]:
    """Return the routes of outputs."""

    async def list_(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.Cut(await body_of(request, FILTERS)))

    async def turn(request: Request, caller: Caller) -> Response:
        return _page(request, caller, paging.unseal(_key(request), request))

    def _key(request: Request) -> bytes:
        process: str = request.path_params["process_id"]
        return ground.objects.signing_key + process.encode()

    def _page(request: Request, caller: Caller, cut: paging.Cut) -> Response:
        id_ = request.path_params["process_id"]
        row = processes.get(id_)
        if row is None or row["account"] != caller.account:
            raise RefusalError(404, f"Process '{id_}' does not exist")
        where = f"{request.method} {request.url.path}"
        late = ground.faults.strike("late-outputs", where)
        expired = _is_expired(row, ground.clock.now())
        items = _items(row, where) if cut.query.get("expired", False) == expired else []
        items = [it for it in items if _is_wanted(it[0], cut.query)]
        url = f"{origin(request)}{PREFIX}/app/process/outputs/{id_}"
        chosen, about = paging.page(_key(request), url, cut, items)
        if late is not None and processes.count_listing(id_) < int(late):
            return JSONResponse({"paging": about | {"count": 0}})
        ignored = set(cut.query.get("ignores", []))
        told = [_told(origin(request), it, ignored) for it in chosen]
        return JSONResponse({"paging": about, "outputs": told})

    def _items(row: Row, where: str) -> list[tuple[str, tuple[str, Row]]]:
        found = [(it["key"], (it["key"], it)) for it in processes.outputs(row["id"])]
        if found and ground.faults.strike("hostile-names", where) is not None:
            first = found[0][1][1]
            found += [
                (f"{row['prefix']}/{name}", (f"{row['prefix']}/{name}", first)) for name in HOSTILE
            ]
            found += [(name, (name, first)) for name in HOSTILE[:2]]
        return sorted(found, key=lambda it: it[0])

    def _told(at: str, item: tuple[str, Row], ignored: set[str]) -> dict[str, Any]:
        key, row = item
        facts = {"key": key, "url": ground.url(at, "GET", row["bucket"], row["key"])}
        return {name: it for name, it in facts.items() if name not in ignored}

    at = f"{PREFIX}/app/process/outputs/{{process_id}}"
    return [
        Route(at, knowing(accounts, list_), methods=["GET", "POST"]),
        *paging.routes(at, knowing(accounts, turn)),
    ]


def _is_expired(row: Row, now: float) -> bool:
    return row["terminated"] is not None and row["terminated"] + KEPT <= now


def _is_wanted(key: str, query: dict[str, Any]) -> bool:
    return (
        query.get("key", key) == key
        and query.get("key_contains", "") in key
        and key.startswith(query.get("key_startswith", ""))
        and key.endswith(query.get("key_endswith", ""))
    )
