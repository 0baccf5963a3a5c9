"""TheCrossProduct as a kind of emulator: its routes, its faults, and what fits a configuration."""

import asyncio
import re
from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.emulators.faults import Switch
from orchestrator.emulators.ground import Ground, Kind, Service
from orchestrator.emulators.thecrossproduct import licences, outputs
from orchestrator.emulators.thecrossproduct.accounts import MAILS, Accounts
from orchestrator.emulators.thecrossproduct.auth import Auth
from orchestrator.emulators.thecrossproduct.chores import Chores
from orchestrator.emulators.thecrossproduct.conductor import Conductor
from orchestrator.emulators.thecrossproduct.data import Data
from orchestrator.emulators.thecrossproduct.licences import Licences
from orchestrator.emulators.thecrossproduct.paths import PREFIX
from orchestrator.emulators.thecrossproduct.processes import Processes
from orchestrator.emulators.thecrossproduct.refusal import RefusalError, answering
from orchestrator.emulators.thecrossproduct.runs import Runs
from orchestrator.emulators.thecrossproduct.uploads import Uploads

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
FAULTS = (
    Switch("token-killed", "the token that is shown has just been ended: 401"),
    Switch("token-uses", "new tokens end after so many uses", "uses", "3"),
    Switch("licence-used-up", "403 on a run: its licence is used up"),
    Switch("list-lag", "lists show a process only some time after its launch", "seconds", "2"),
    Switch("empty-list", "a list without processes is an empty body typed JSON"),
    Switch("odd-state", "a process that runs is in a state never seen", "state", "calibrating_7"),
    Switch("foreign-id", "a process record carries the id of another"),
    Switch("dead-errors", "a run that fails ends as dead with errors, not as failed_<step>"),
    Switch("silent-kill", "a run that is killed ends as dead without errors"),
    Switch("late-outputs", "outputs are missing from a process's first listings", "listings", "1"),
    Switch("hostile-names", "outputs are listed under names that no file may have"),
    Switch("effect-lag", "copy, move and remove show after a while", "seconds", "1"),
)
CONFIGURATION = """\
[backends.tcp]
kind = "thecrossproduct"
url = "{origin}{prefix}"
mail = "{mail}"
password = {{ secret = "tcp" }}
storage_hosts = ["{host}"]
private_network = true

[secrets.tcp]
file = "{file}"
"""


def open_service(ground: Ground) -> Service:
    """Return the service on this ground."""
    accounts = Accounts(ground)
    processes = Processes(ground)
    conductor = Conductor(ground, accounts, processes)
    chores = Chores(ground)
    owned = Licences(ground, accounts)
    published = [
        *Auth(accounts).routes(),
        *Data(ground, accounts, chores).routes(),
        *Uploads(ground, accounts).routes(),
        *outputs.routes(ground, accounts, processes),
        *Runs(ground, accounts, processes, conductor, owned).routes(),
        *licences.routes(ground, accounts, owned),
    ]

    async def help_(_: Request) -> Response:
        return JSONResponse({"routes": _told(published)})

    async def unknown(request: Request) -> Response:
        raise RefusalError(404, f"Unknown endpoint {request.method} {request.url.path}")

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(conductor.run())
            tasks.create_task(chores.run())

    def credentials(origin: str) -> Mapping[str, object]:
        first, *others = [{"mail": it, "password": accounts.password(it)} for it in MAILS]
        return {"url": f"{origin}{PREFIX}", **first, "others": others}

    def configuration(origin: str) -> str:
        host = origin.removeprefix("http://").rpartition(":")[0]
        values = {"origin": origin, "prefix": PREFIX, "mail": MAILS[0], "host": host}
        return CONFIGURATION.format(**values, file=accounts.password_file(MAILS[0]))

    all_routes = [
        *published,
        Route(f"{PREFIX}/help", help_, methods=["GET"]),
        Route(f"{PREFIX}/{{rest:path}}", answering(unknown), methods=ANY_METHOD),
    ]
    return Service(all_routes, run, credentials, configuration)


def _told(routes: Sequence[Route]) -> list[dict[str, object]]:
    """Return endpoints and methods as /help writes them; a path stands there once."""
    found: dict[str, set[str]] = {}
    for route in routes:
        if route.path.startswith(PREFIX):
            path = re.sub(r"\{(\w+)\}", _parameter, route.path.removeprefix(PREFIX))
            found.setdefault(path, set()).update((route.methods or set()) - {"HEAD"})
    return [{"endpoint": it, "methods": sorted(methods)} for it, methods in found.items()]


def _parameter(found: re.Match[str]) -> str:
    kind = "uuid" if found[1] == "process_id" else "string"
    return f"<{kind}:{found[1]}>"


KIND = Kind("thecrossproduct", FAULTS, open_service)
