"""cloudHPC as a kind of emulator: its routes, faults and settings; and a configuration."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.routing import Route

from orchestrator.emulators.cloudhpc import others
from orchestrator.emulators.cloudhpc.account import Account
from orchestrator.emulators.cloudhpc.answers import RefusalError
from orchestrator.emulators.cloudhpc.conductor import Conductor
from orchestrator.emulators.cloudhpc.gate import Gate
from orchestrator.emulators.cloudhpc.items import Items
from orchestrator.emulators.cloudhpc.paths import PREFIX
from orchestrator.emulators.cloudhpc.runs import Runs
from orchestrator.emulators.cloudhpc.simulations import Simulations
from orchestrator.emulators.cloudhpc.storage import Storage
from orchestrator.emulators.dials import Dial
from orchestrator.emulators.faults import Switch
from orchestrator.emulators.ground import Ground, Kind, Service
from orchestrator.emulators.signing import GOOGLE

ANY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
FAULTS = (
    Switch("over-quota-403", "a call over the quota is refused with 403, not with 429"),
    Switch("list-lag", "lists show a simulation only some time after its start", "seconds", "2"),
    Switch("empty-page", "a page of simulations is empty, though there are some"),
    Switch("neighbours", "others start simulations just before ours", "simulations", "2"),
    Switch("foreign-id", "a record carries the id of another simulation"),
    Switch("odd-status", "a simulation that runs has a status never seen"),
    Switch("numbers-as-texts", "every number in a record or an item comes as a text"),
    Switch("texts-as-numbers", "hours, cost and size, else texts, come as numbers"),
    Switch("late-results", "listings show results only some time after they came", "seconds", "1"),
    Switch("hostile-names", "results are listed under names that no file may have"),
    Switch("download-shape", "download answers an object, not a text", "its key", "url"),
    Switch("spot-restart", "a spot run loses its machine and begins anew", "seconds", "0.2"),
    Switch("disk-full", "the service stops a run softly: 90 % of its disk", "seconds", "0.2"),
    Switch("ends-in-error", "a run that was not stopped ends as ERROR"),
)
DIALS = (
    Dial("hourly", "calls that the account may make in an hour; 0: any number", 0),
    Dial("daily", "calls that it may make in a day; 0: any number", 0),
    Dial("fixed-hours", "1: hour and day are the clock's; 0: the last 60 min and 24 h", 0),
    Dial("page", "simulations on a page", 25),
    Dial("storage-page", "items of the storage on a page", 25),
    Dial("empty-links", "how often the link of a file is empty at first", 1),
    Dial("stopping", "seconds that a soft stop takes", 0.2),
    Dial("syncing", "seconds until results so far are uploaded", 0.2),
    Dial("zone", "hours by which its dates are ahead of UTC", 1),
)
CONFIGURATION = """\
[backends.cloudhpc]
kind = "cloudhpc"
url = "{origin}{prefix}"
api_key = {{ secret = "cloudhpc" }}
storage_hosts = ["{host}"]
private_network = true

[secrets.cloudhpc]
file = "{file}"
"""


def open_service(ground: Ground) -> Service:
    """Return the service on this ground."""
    account, items, simulations = Account(ground), Items(ground), Simulations(ground)
    gate, conductor = Gate(ground, account), Conductor(ground, items, simulations)

    async def unknown(_: Request) -> object:
        raise RefusalError("Not found.", 404)

    def credentials(at: str) -> Mapping[str, object]:
        return {"url": f"{at}{PREFIX}", "api_key": account.key}

    def configuration(at: str) -> str:
        host = at.removeprefix("http://").rpartition(":")[0]
        return CONFIGURATION.format(origin=at, prefix=PREFIX, host=host, file=account.key_file)

    routes = [
        *Runs(ground, simulations, conductor).routes(gate),
        *Storage(ground, items).routes(gate),
        Route(f"{PREFIX}/{{rest:path}}", gate(unknown), methods=ANY_METHOD),
    ]
    return Service(
        routes,
        conductor.run,
        credentials,
        configuration,
        told=lambda: {"account": account.told()},
        control=others.routes(account, simulations),
    )


KIND = Kind("cloudhpc", FAULTS, open_service, DIALS, GOOGLE)
