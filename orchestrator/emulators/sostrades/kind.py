"""SoSTrades as a kind of emulator: its routes, faults and settings; and a configuration."""

import asyncio
from collections.abc import Mapping
from functools import partial

from starlette.routing import Route

from orchestrator.emulators.dials import Dial
from orchestrator.emulators.faults import Switch
from orchestrator.emulators.ground import Ground, Kind, Service
from orchestrator.emulators.sostrades.answers import json
from orchestrator.emulators.sostrades.beside import Beside
from orchestrator.emulators.sostrades.calculations import Calculations
from orchestrator.emulators.sostrades.conductor import Conductor
from orchestrator.emulators.sostrades.executions import Executions
from orchestrator.emulators.sostrades.gate import ANY_METHOD, Gate
from orchestrator.emulators.sostrades.inside import Inside
from orchestrator.emulators.sostrades.keys import GROUP, USER, Keys
from orchestrator.emulators.sostrades.others import Others
from orchestrator.emulators.sostrades.studies import Studies
from orchestrator.emulators.sostrades.updates import Updates

FAULTS = (
    Switch("lost-write", "values are taken and not kept", "which, below the study", "*"),
    Switch("slow-update", "values that are taken are kept only after a while", "seconds", "1"),
    Switch("fails-after", "done, then an error in the words of the service", "status", "500"),
    Switch("hang", "no answer about a study that is changed, or asked about, this moment"),
    Switch("no-lock", "a study that is executed is executed once more"),
    Switch("slow-execute", "an execute looks, and begins only after a while", "seconds", "1"),
    Switch("cold-start", "an execution is PENDING for a while", "seconds", "6"),
    Switch("pod-pending", "an execution is POD PENDING for a while", "seconds", "6"),
    Switch("pod-error", "an execution never begins: POD ERROR (on=study N)"),
    Switch("stale", "a run has finished, its results are not kept (on=study N)"),
    Switch("odd-status", "another status is told", "status", "FAILED"),
    Switch("foreign-id", "a status, or a log, is that of another study"),
    Switch("slow-load", "loading takes a while; what takes too long gives {}", "seconds", "60"),
    Switch("no-load", "loading is refused, as in 5.3.4"),
    Switch("no-csv", "a CSV is refused, as in 5.3.4"),
    Switch("empty-copy", "a copy has no values"),
)
DIALS = (
    Dial("repaired", "1: loading and CSV work, as in releases other than 5.3.4", 0),
    Dial("studies", "how many studies there are from the beginning", 40),
)
CONFIGURATION = """\
[backends.sostrades]
kind = "sostrades"
url = "{origin}"
key = {{ secret = "sostrades" }}
private_network = true

[secrets.sostrades]
file = "{file}"
"""


def open_service(ground: Ground) -> Service:
    """Return the service on this ground."""
    keys, studies = Keys(ground.root), Studies(ground)
    executions = Executions(ground, studies)
    updates = Updates(ground, studies, executions)
    conductor = Conductor(ground, studies, executions)
    gate = Gate(ground, keys, studies, updates)
    calculations = Calculations(ground, studies, executions, conductor)

    async def run() -> None:
        await asyncio.gather(conductor.run(), updates.run())

    def credentials(at: str) -> Mapping[str, object]:
        return {
            "url": at,
            "key": keys.key(GROUP),
            "keys": {it: keys.key(it) for it in (GROUP, USER)},
        }

    def configuration(at: str) -> str:
        return CONFIGURATION.format(origin=at, file=keys.file(GROUP))

    def told() -> Mapping[str, object]:
        return {"live": [executions.name(int(it)) for it in ground.work.live()]}

    at, one = "/api/v0", "/api/v0/study-case/{study:int}"
    routes = [
        gate.plain("/api/ping", partial(json, "pong")),
        *Inside(ground, studies, updates).routes(gate, one),
        *Beside(ground, studies, executions).routes(gate, one),
        *calculations.routes(gate, at),
        Route("/{rest:path}", gate.unknown, methods=ANY_METHOD),
    ]
    others = Others(studies, executions, updates, conductor, calculations)
    return Service(routes, run, credentials, configuration, told=told, control=others.routes())


KIND = Kind("sostrades", FAULTS, open_service, DIALS)
