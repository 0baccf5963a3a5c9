"""/simulation."""

from starlette.requests import Request
from starlette.routing import Route

from orchestrator.emulators.cloudhpc import records
from orchestrator.emulators.cloudhpc.answers import RefusalError, body_of, number, text
from orchestrator.emulators.cloudhpc.conductor import Conductor
from orchestrator.emulators.cloudhpc.gate import Gate
from orchestrator.emulators.cloudhpc.paths import PREFIX, direction, whole
from orchestrator.emulators.cloudhpc.scripts import CPUS, RAMS, SCRIPTS
from orchestrator.emulators.cloudhpc.simulations import (
    COMPLETED,
    OTHERS,
    SORTED_BY,
    STOPPED,
    US,
    Simulations,
)
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground

SOFT, HARD = "SIGTSTP", "SIGINT"


class Runs:
    """The endpoints of simulations."""

    def __init__(self, ground: Ground, simulations: Simulations, conductor: Conductor) -> None:
        self._ground, self._simulations, self._conductor = ground, simulations, conductor

    def routes(self, gate: Gate) -> list[Route]:
        """Return the routes."""
        at = f"{PREFIX}/simulation"
        ends = [
            ("view-cpu", self._cpus, "GET"),
            ("view-ram", self._rams, "GET"),
            ("view-scripts", self._scripts, "GET"),
            ("add", self._add, "POST"),
            ("view-short/{id}", self._view_short, "GET"),
            ("view/{id}", self._view, "GET"),
            ("index-short/{field}/{direction}/{page}", self._index, "GET"),
            ("stop/{id}", self._stop, "PUT"),
            ("sync/{id}", self._sync, "PUT"),
        ]
        return [Route(f"{at}/{path}", gate(end), methods=[method]) for path, end, method in ends]

    async def _cpus(self, _: Request) -> object:
        return list(CPUS)

    async def _rams(self, _: Request) -> object:
        return list(RAMS)

    async def _scripts(self, _: Request) -> object:
        return list(SCRIPTS)

    async def _add(self, request: Request) -> object:
        body = await body_of(request)
        wish = {
            "cpu": number(body, "cpu"),
            "nopre": number(body, "nopre") or 0,
            **{name: text(body, name) for name in ("ram", "script", "folder", "mesh")},
        }
        known = wish["cpu"] in CPUS and wish["ram"] in RAMS and wish["script"] in SCRIPTS
        if not known or not wish["folder"] or wish["nopre"] not in (0, 1):
            raise RefusalError
        neighbours = self._ground.faults.strike("neighbours", _where(request))
        self._simulations.add_others("of-somebody-else", int(neighbours or 0), COMPLETED)
        id_ = self._simulations.add(wish)
        self._conductor.launch(id_)
        return id_

    async def _view_short(self, request: Request) -> object:
        return records.record(self._ground, self._row(request), _where(request))

    async def _view(self, request: Request) -> object:
        return records.full(self._ground, self._row(request), _where(request))

    async def _index(self, request: Request) -> object:
        field, page, where = request.path_params["field"], whole(request, "page"), _where(request)
        if field not in SORTED_BY or page < 1:
            raise RefusalError
        if self._ground.faults.strike("empty-page", where) is not None:
            return []
        lag = float(self._ground.faults.strike("list-lag", where) or 0)
        rows = self._simulations.page(field, page, down=direction(request), lag=lag)
        return [records.record(self._ground, row, where) for row in rows]

    async def _stop(self, request: Request) -> object:
        row, wish = self._row(request), text(await body_of(request), "signal")
        if wish not in (SOFT, HARD):
            raise RefusalError
        if row["user_id"] == OTHERS:
            self._simulations.end(row["id"], STOPPED)
        elif wish == HARD:
            self._conductor.stop_hard(row)
        elif row["ended"] is None:
            self._conductor.stop_softly(row["id"])
        return True

    async def _sync(self, request: Request) -> object:
        row = self._row(request)
        if row["user_id"] == US:
            due = self._ground.clock.now() + self._ground.dials["syncing"]
            self._simulations.sync_at(row["id"], due)
        return True

    def _row(self, request: Request) -> Row:
        row = self._simulations.get(whole(request, "id"))
        if row is None:
            raise RefusalError
        return row


def _where(request: Request) -> str:
    return f"{request.method} {request.url.path}"
