"""What people can do with an account beside running jobs: `orchestrator remote NAME VERB`."""

from collections.abc import Sequence

from pydantic import JsonValue

from orchestrator.backend import BackendError, Diagnosis, RejectedError, Verb
from orchestrator.backends.cloudhpc import moving, simulations, storage
from orchestrator.backends.cloudhpc.backend import LONGEST_ID, CloudHpc
from orchestrator.backends.cloudhpc.judging import word
from orchestrator.backends.http import Use
from orchestrator.document import value_text

Service = CloudHpc


async def _cpus(service: Service) -> JsonValue:
    return [{"cpu": one} for one in await simulations.cpus(service.calls, Use.ASK)]


async def _rams(service: Service) -> JsonValue:
    return [{"ram": one} for one in await simulations.rams(service.calls, Use.ASK)]


async def _scripts(service: Service) -> JsonValue:
    return [{"script": one} for one in await simulations.scripts(service.calls, Use.ASK)]


async def _runs(service: Service, page: str = "1") -> JsonValue:
    number = _number(page, "PAGE", at_least=1)
    return [
        {
            "id": one.id,
            "script": one.script,
            "state": word(one),
            "begun": one.idate,
            "ended": one.edate,
            "cost": one.cost,
            "folder": one.folder,
        }
        for one in await simulations.page(service.calls, number, Use.ASK)
    ]


async def _run(service: Service, run: str) -> JsonValue:
    found = await simulations.view_short(service.calls, _number(run, "RUN"), Use.ASK)
    return {**found.facts(), "state": word(found)}


async def _output(service: Service, run: str) -> JsonValue:
    found = await simulations.view(service.calls, _number(run, "RUN"), Use.ASK)
    return found.output or found.logs or "it has said nothing yet"


async def _stop(service: Service, run: str) -> JsonValue:
    await simulations.stop(service.calls, _number(run, "RUN"), "SIGTSTP", Use.ASK)
    return f"{run} was asked to stop; that may take minutes, and its results are kept"


async def _kill(service: Service, run: str) -> JsonValue:
    await simulations.stop(service.calls, _number(run, "RUN"), "SIGINT", Use.ASK)
    return f"{run} was stopped hard"


async def _sync(service: Service, run: str) -> JsonValue:
    await simulations.sync(service.calls, _number(run, "RUN"), Use.ASK)
    return f"the results so far of {run} are on their way to the storage"


async def _delete_cache(service: Service) -> JsonValue:
    await storage.delete_cache(service.calls, Use.ASK)
    return "the next listings are fresh"


def _number(text: str, what: str, at_least: int = 0) -> int:
    fits = text.isascii() and text.isdecimal() and len(text) <= LONGEST_ID
    if not fits or int(text) < at_least:
        which = "a number from 1 on" if at_least else "the number of a simulation, as `runs` shows"
        raise RejectedError(f"{what} is {which}, not {value_text(text)}", effect="none")
    return int(text)


VERBS = {
    "cpus": Verb("The numbers of vCPUs that can be had.", _cpus),
    "rams": Verb("The kinds of machine that can be had.", _rams),
    "scripts": Verb("The scripts that can be run.", _scripts),
    "runs": Verb("The simulations of the account, the newest first.", _runs, ("[PAGE]",)),
    "run": Verb("One simulation, with its cost.", _run, ("RUN",)),
    "output": Verb("What a simulation says.", _output, ("RUN",)),
    "sync": Verb("Have the results so far of a simulation stored.", _sync, ("RUN",)),
    "stop": Verb("End a simulation in order; takes minutes.", _stop, ("RUN",)),
    "kill": Verb(
        "End a simulation at once.",
        _kill,
        ("RUN",),
        warning="the service deletes the results of the simulation",
    ),
    "ls": Verb("Files and folders in the storage.", moving.ls, ("[FOLDER]",)),
    "get": Verb("Fetch a file.", moving.get, ("PATH", "FILE"), file="to here"),
    "put": Verb("Send a file.", moving.put, ("PATH", "FILE"), file="from here"),
    "rm": Verb(
        "Remove a file or folder.",
        moving.rm,
        ("PATH",),
        warning="what lies at that path over there is removed for good",
    ),
    "delete-cache": Verb("Have the next listings be fresh.", _delete_cache),
}


async def examine(service: Service) -> Sequence[Diagnosis]:
    """Look at the service and the account, for `doctor`."""
    try:
        found = await simulations.scripts(service.calls, Use.ASK)
    except BackendError as error:
        return [Diagnosis("problem", str(error), "check the network, `url` and `api_key`")]
    return [Diagnosis("ok", f"the key is taken; {len(found)} scripts can be run")]
