"""DRMAAtic as a kind of emulator: its routes, faults and settings; and a configuration."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.dials import Dial
from orchestrator.emulators.drmaatic import others
from orchestrator.emulators.drmaatic.answers import not_found
from orchestrator.emulators.drmaatic.desk import Desk
from orchestrator.emulators.drmaatic.dialects import DIALECTS
from orchestrator.emulators.drmaatic.gate import ANY_METHOD, Gate
from orchestrator.emulators.drmaatic.node import Node
from orchestrator.emulators.drmaatic.outputs import Outputs
from orchestrator.emulators.drmaatic.people import GROUPS, People
from orchestrator.emulators.drmaatic.places import Places
from orchestrator.emulators.drmaatic.quota import Quota
from orchestrator.emulators.drmaatic.rows import Rows
from orchestrator.emulators.drmaatic.runs import Runs
from orchestrator.emulators.drmaatic.slurm import UNKNOWN, Slurm
from orchestrator.emulators.drmaatic.submit import Submit
from orchestrator.emulators.faults import Switch
from orchestrator.emulators.ground import Ground, Kind, Service

FAULTS = (
    Switch("controller-down", "Slurm does not answer: 500, a stop 409", "seconds", "18"),
    Switch("accounting-down", "a run that has ended is told to have failed"),
    Switch("stays-received", "a POST dies: 500, a row stays", "described, or bare", "described"),
    Switch("rejected", "a run is taken, and said to have been rejected"),
    Switch("slow-submit", "a POST's row says for a while that it was received", "seconds", "1"),
    Switch("other-description", "a POST's row is described otherwise than it was asked"),
    Switch("late-row", "a POST makes its row only after a while", "seconds", "1"),
    Switch("list-lag", "lists show a run only some time after its POST", "seconds", "2"),
    Switch("page-shift", "between two pages rows went; below 0: came", "rows", "1"),
    Switch("odd-status", "a run that goes on has another status", "a sentence", UNKNOWN),
    Switch("token-expired", "the token has expired"),
    Switch("wrong-uuid", "a record carries the uuid of another run"),
    Switch("late-files", "files are listed only some time after they were made", "seconds", "1"),
    Switch("hostile-names", "files are listed under names that no file may have"),
    Switch("no-zip", "the archive is none"),
    Switch("hostile-zip", "the archive's members would lie where they must not"),
)
DIALS = (
    Dial("dialect", "2023 or 2025; only as it is started", 2025),
    Dial("min-job-age", "seconds after its end in which Slurm still knows a job", 300),
    Dial("pause", "seconds that entries take which only show something", 0.1),
    Dial("credit", "the most credit that an account may have (2025); 0: any", 0),
    Dial("credit-every", "seconds from one refill to the next", 30),
    Dial("credit-amount", "credit that a refill brings", 1),
    Dial("processes", "processes of the service, each with purses of its own", 1),
    Dial("reads", "calls in a minute, beside POST (2025); 0: any number", 0),
    Dial("daily", "calls in a day (2023); 0: any number", 0),
    Dial("zone", "hours by which its dates are ahead of UTC", 1),
)
CONFIGURATION = """\
[backends.drmaatic]
kind = "drmaatic"
url = "{origin}"
token = {{ secret = "drmaatic" }}  # left out: without an account
private_network = true

[secrets.drmaatic]
file = "{file}"
"""


def open_service(ground: Ground) -> Service:
    """Return the service on this ground. Raises ValueError for a dialect that there is not."""
    dialect = DIALECTS.get(int(ground.dials["dialect"]))
    if dialect is None:
        raise ValueError(f"dialect={ground.dials['dialect']:g}: expected 2023 or 2025")
    people, quota = People(ground.root, dialect), Quota(ground, dialect)
    rows, slurm = Rows(ground), Slurm(ground)
    node, gate = Node(ground, slurm), Gate(ground, dialect, people, quota)
    desk = Desk(ground, dialect, rows, slurm, node)

    async def unknown(_: Request) -> Response:
        return not_found()

    def credentials(at: str) -> Mapping[str, object]:
        tokens = {name: people.token(name) for name in GROUPS}
        return {"url": at, "token": tokens["alice"], "tokens": tokens}

    def configuration(at: str) -> str:
        return CONFIGURATION.format(origin=at, file=people.file("alice"))

    routes = [
        *Places(ground, dialect, people, quota).routes(gate),
        *Runs(desk, Submit(desk, quota)).routes(gate),
        *Outputs(desk).routes(gate),
        Route("/{rest:path}", unknown, methods=ANY_METHOD),
    ]
    return Service(
        routes,
        node.run,
        credentials,
        configuration,
        told=lambda: {"jobs": slurm.jobs()},
        control=others.routes(rows, slurm),
    )


KIND = Kind("drmaatic", FAULTS, open_service, DIALS)
