"""The ends beside runs: the catalogue, credit, tokens, and the root."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.drmaatic import paging
from orchestrator.emulators.drmaatic.answers import RefusalError, detail, json
from orchestrator.emulators.drmaatic.catalogue import entries, told
from orchestrator.emulators.drmaatic.dialects import NEW, OLD, Dialect
from orchestrator.emulators.drmaatic.gate import Call, Gate
from orchestrator.emulators.drmaatic.people import People, bearer
from orchestrator.emulators.drmaatic.quota import Quota
from orchestrator.emulators.ground import Ground, origin


class Places:
    """The catalogue and what else there is to ask."""

    def __init__(self, ground: Ground, dialect: Dialect, people: People, quota: Quota) -> None:
        self._ground, self._dialect = ground, dialect
        self._people, self._quota = people, quota
        self._entries = entries(dialect)

    def routes(self, gate: Gate) -> list[Route]:
        """Return the routes."""
        at, more = f"/{self._dialect.entry}/", ("HEAD", "OPTIONS")
        found = [
            *gate.routes(at, {"GET": self._list}, more=more, free="GET"),
            *gate.routes(f"{at}{{name}}/", {"GET": self._look}, more=more, free="GET"),
        ]
        if self._dialect is OLD:
            found += gate.routes("/", {"GET": self._root}, free="GET")
            return [*found, Route("/token/{name}/", self._old_token)]
        found += gate.routes("/cpu-credit/", {"GET": self._credit}, more=("OPTIONS",), free="GET")
        return [*found, Route("/orcid/token/", self._token)]

    async def _root(self, call: Call) -> Response:
        at = origin(call.request)
        return json({"task": f"{at}/task/", "script": f"{at}/script/"})

    async def _list(self, call: Call) -> Response:
        wanted = call.request.query_params
        found = [it for it in self._entries.values() if it.is_open_to(call.person)]
        if self._dialect is NEW and (name := wanted.get("name")):
            found = [it for it in found if it.name == name]
        if self._dialect is NEW and (names := wanted.get("name__in")):
            found = [it for it in found if it.name in names.split(",")]
        frame, shown = paging.page(call.request, found)
        results = [told(it, self._dialect, admin=call.is_admin) for it in shown]
        return json({**frame, "results": results})

    async def _look(self, call: Call) -> Response:
        entry = self._entries.get(call.request.path_params["name"])
        if entry is None:
            raise detail(404, self._dialect.no_entry)
        if not entry.is_open_to(call.person):
            raise RefusalError(404)
        return json(told(entry, self._dialect, admin=call.is_admin))

    async def _credit(self, call: Call) -> Response:
        asked = call.request.query_params.get("required")
        if asked is None:
            return json(self._quota.credit(call.person, None))
        try:
            wanted = int(asked)
        except ValueError:
            raise RefusalError(400, [f"Invalid required token amount '{asked}'"]) from None
        if wanted < 0:
            raise RefusalError(400, ["The required token amount must be a positive integer"])
        return json(self._quota.credit(call.person, wanted))

    async def _old_token(self, request: Request) -> Response:
        token = self._exchanged(request)
        if token is None:
            return _open(403, {"detail": "Could not authenticate user"})
        return _open(200, {"access_token": token})

    async def _token(self, request: Request) -> Response:
        if bearer(request) is None:
            return _open(403, {"detail": "Authentication header is not valid"})
        token = self._exchanged(request)
        if token is None:
            return _open(403, {"detail": "Issued token is not valid"})
        return _open(200, {"jwt": token})

    def _exchanged(self, request: Request) -> str | None:
        token = self._people.exchanged(request)
        if token is not None:
            self._ground.given.append(token)
        return token


def _open(status: int, body: dict[str, str]) -> Response:
    """Return the reply of an end that stands before the gate."""
    return json(body, status, {"Allow": "GET, HEAD, OPTIONS"})
