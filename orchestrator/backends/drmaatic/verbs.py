"""What people can do with an account beside running jobs: `orchestrator remote NAME VERB`."""

import os
from collections.abc import Sequence
from uuid import UUID

from anyio.to_thread import run_sync
from pydantic import JsonValue

from orchestrator.backend import AuthError, BackendError, Diagnosis, RejectedError, Verb
from orchestrator.backends.drmaatic.backend import Drmaatic
from orchestrator.backends.drmaatic.dialect import NEW
from orchestrator.backends.http import Use, save
from orchestrator.document import value_text

LONGEST_TOKEN = 64 << 10  # bytes


async def _catalogue(backend: Drmaatic, page: str = "1") -> JsonValue:
    number = _number(page, "PAGE", at_least=1)
    return [
        {
            "name": one.name,
            "parameters": ", ".join(it.name for it in one.param),
            "credits": one.required_tokens,
        }
        for one in await backend.service.catalogue(number, Use.ASK)
    ]


async def _describe(backend: Drmaatic, task: str) -> JsonValue:
    entry = await backend.service.entry(task, Use.ASK)
    if entry is None:
        raise RejectedError(f"the catalogue has no {value_text(task)}", effect="none")
    return [
        {
            "parameter": one.name,
            "type": one.type,
            "required": one.required,
            "default": one.default,
            "description": one.description,
        }
        for one in entry.param
    ]


async def _runs(backend: Drmaatic, most: str = "50") -> JsonValue:
    """List runs, the newest first, up to so many."""
    left = _number(most, "MOST", at_least=1)
    rows: list[JsonValue] = []
    async for page in backend.service.runs(Use.ASK):
        rows += [
            {
                "uuid": str(one.uuid),
                "task": one.task,
                "status": one.status,
                "created": one.created,
                "description": one.description,
            }
            for one in page[: left - len(rows)]
        ]
        if len(rows) >= left:
            break
    return rows


async def _run(backend: Drmaatic, run: str) -> JsonValue:
    record = await backend.service.get(_uuid(run), Use.ASK)
    if record is None:
        raise RejectedError(f"the service knows no run {run}", effect="none")
    return record.facts()


async def _status(backend: Drmaatic, run: str) -> JsonValue:
    return await backend.service.status(_uuid(run), Use.ASK)


async def _files(backend: Drmaatic, run: str) -> JsonValue:
    return [{"name": name} for name in sorted(await backend.service.files(_uuid(run), Use.ASK))]


async def _get(backend: Drmaatic, run: str, path: str, file: int) -> JsonValue:
    where = await backend.service.file_path(_uuid(run), path, Use.ASK)
    size, _ = await run_sync(save, backend.service.open(where), file)
    return {"path": path, "size": size}


async def _zip(backend: Drmaatic, run: str, file: int) -> JsonValue:
    where = await backend.service.zip_path(_uuid(run), Use.ASK)
    size, _ = await run_sync(save, backend.service.open(where), file)
    return {"size": size}


async def _stop(backend: Drmaatic, run: str) -> JsonValue:
    if await backend.service.stop(_uuid(run), Use.ASK):
        return f"{run} was asked to stop"
    return f"the service says that {run} does not run; so it says, too, when it cannot tell"


async def _delete(backend: Drmaatic, run: str) -> JsonValue:
    await backend.service.delete(_uuid(run), Use.ASK)
    return f"{run} is deleted"


async def _own(backend: Drmaatic, run: str) -> JsonValue:
    await backend.service.own(_uuid(run), Use.ASK)
    return f"{run} belongs to this account now"


async def _credit(backend: Drmaatic, required: str | None = None) -> JsonValue:
    amount = None if required is None else _number(required, "AMOUNT")
    found = await backend.service.credit(Use.ASK, amount)
    told: dict[str, JsonValue] = {"available": found.available_cpu_credit}
    return told if amount is None else {**told, "wait_s": found.wait_time}


async def _exchange(backend: Drmaatic, orcid: str, file: int) -> JsonValue:
    raw = await run_sync(os.read, file, LONGEST_TOKEN)
    token = raw.decode("ascii", "replace").strip()
    if not token or not token.isprintable() or not token.isascii():
        raise RejectedError("the file holds no token of ORCID", effect="none")
    return {"token": await backend.service.exchange(orcid, token, Use.ASK)}


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        shown = f"RUN is the UUID of a run, as `runs` shows it, not {value_text(text)}"
        raise RejectedError(shown, effect="none") from None


def _number(text: str, what: str, at_least: int = 0) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or int(text) < at_least:  # noqa: PLR2004 - no page or sum is as long
        shown = f"{what} is a number from {at_least} on, not {value_text(text)}"
        raise RejectedError(shown, effect="none")
    return int(text)


VERBS = {
    "catalogue": Verb("What can be run: scripts of 2023, tasks of 2025.", _catalogue, ("[PAGE]",)),
    "describe": Verb("The parameters of one entry of the catalogue.", _describe, ("TASK",)),
    "runs": Verb("The runs of the account, the newest first.", _runs, ("[MOST]",)),
    "run": Verb("One run, with its parameters.", _run, ("RUN",)),
    "status": Verb("How a run stands, in the service's words.", _status, ("RUN",)),
    "files": Verb("The files in a run's directory.", _files, ("RUN",)),
    "get": Verb("Fetch one file of a run.", _get, ("RUN", "PATH", "FILE"), file="to here"),
    "zip": Verb(
        "Fetch the archive that a run's script made.", _zip, ("RUN", "FILE"), file="to here"
    ),
    "stop": Verb("Ask for the end of a run; its files are kept.", _stop, ("RUN",)),
    "delete": Verb(
        "Delete a run.",
        _delete,
        ("RUN",),
        warning="the run is killed, and its files are removed for good",
    ),
    "own": Verb("Make an anonymous run the account's own (2025).", _own, ("RUN",)),
    "credit": Verb("The CPU credits that are left (2025).", _credit, ("[AMOUNT]",)),
    "exchange": Verb(
        "Get the service's token for one of ORCID.",
        _exchange,
        ("ORCID", "FILE"),
        file="from here",
    ),
}


async def examine(backend: Drmaatic) -> Sequence[Diagnosis]:
    """Look at the service and the account, for `doctor`."""
    service = backend.service
    try:
        words = await service.dialect(Use.ASK)
        found = await service.catalogue(1, Use.ASK)
        async for _ in service.runs(Use.ASK, size=1):  # a token is looked at here, and refused
            break
        lines = [
            Diagnosis("ok", f"it speaks the words of {words.year}; {len(found)} entries can be run")
        ]
        if words is NEW:
            left = (await service.credit(Use.ASK)).available_cpu_credit
            lines.append(Diagnosis("ok", f"{left:.15g} CPU credits are left"))
    except AuthError as error:
        return [Diagnosis("problem", str(error))]  # it says what to check
    except BackendError as error:
        return [Diagnosis("problem", str(error), "check the network, `url` and `dialect`")]
    if service.is_anonymous:
        advice = "name a `token`, so that a submit without an answer can be looked for"
        lines.append(Diagnosis("warning", "the account is anonymous", advice))
    pause, remembered = service.door.pace(1), backend.options.min_job_age.total_seconds()
    if pause > remembered / 2:
        text = f"the allowance suffices for a look every {pause / 60:.0f} min"
        advice = (
            f"the cluster may forget how a run ended after {remembered / 60:.0f} min: name the"
            " files that prove success (`proof` in [run])"
        )
        lines.append(Diagnosis("warning", text, advice))
    return lines
