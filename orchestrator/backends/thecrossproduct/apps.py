"""Apps and their runs: every endpoint below /app. The service calls a run a process."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypedDict

from pydantic import JsonValue

from orchestrator.backend import ProtocolError
from orchestrator.backends.http import Ask, Use
from orchestrator.backends.thecrossproduct.replies import (
    OutputLink,
    Process,
    Started,
    entries_of,
    read,
)
from orchestrator.backends.thecrossproduct.session import Session

GONE = (404, 410)


class ProcessFilter(TypedDict, total=False):
    """What a listing of processes can be narrowed by; `since` and `until` are ISO 8601 times."""

    agent: str
    app: str
    domain: str
    endpoint: str
    ignores: list[str]
    items_per_page: int
    since: str
    state: str
    state_contains: str
    tags_intersects: list[str]
    until: str


class OutputFilter(TypedDict, total=False):
    """What a listing of outputs can be narrowed by; `refresh` asks the service to look anew."""

    expired: bool
    ignores: list[str]
    items_per_page: int
    key: str
    key_contains: str
    key_startswith: str
    key_endswith: str
    refresh: bool


async def apps(session: Session) -> dict[str, list[str]]:
    """Return the apps that the account has a licence for, by their domain."""
    answer = await session.get("app", Use.ASK) or {}
    if not isinstance(answer, dict) or not all(isinstance(it, list) for it in answer.values()):
        raise ProtocolError("the list of apps is no object of lists")
    return {domain: [str(app) for app in names or ()] for domain, names in answer.items()}  # type: ignore[union-attr] # checked above


async def page(session: Session, app: str) -> str:
    """Return what the service says of an app, as text."""
    return (await session.call(Ask("GET", f"app/{app}", Use.ASK, reads=True))).text()


async def inputs_schema(session: Session, app: str, use: Use) -> JsonValue:
    """Return the schema of an app's inputs, as the service gives it."""
    return await session.get(f"app/{app}/inputs", use)


async def run(
    session: Session,
    app: str,
    inputs: Mapping[str, JsonValue],
    *,
    tags: Sequence[str],
    output_prefix: str,
    pool: str | Sequence[str] | None = None,
) -> str:
    """Start a run and return its id. A 5xx, or no answer, means: it may have been started."""
    body: dict[str, JsonValue] = {
        "inputs": dict(inputs),
        "output-prefix": output_prefix,
        "tags": list(tags),
    }
    if pool is not None:
        body["pool"] = pool if isinstance(pool, str) else list(pool)
    reply = await session.tell(f"app/{app}/run", body, Use.SUBMIT)
    return read(Started, reply.json()).id


async def process(session: Session, id_: str, use: Use) -> Process | None:
    """Return one process, None when the service says that it has none of this id."""
    ask = Ask("GET", f"app/process/{id_}", use, reads=True, expect=GONE)
    reply = await session.call(ask)
    if reply.status in GONE:
        return None
    found = read(Process, reply.json())
    if found.id != id_:
        raise ProtocolError(f"asked for process {id_}, the answer is about {found.id}")
    return found


async def processes(session: Session, use: Use, **filters: JsonValue) -> list[Process]:
    """Return every process that passes the filters of ProcessFilter, in no particular order."""
    return await processes_told(session, use, **filters) or []


async def processes_told(session: Session, use: Use, **filters: JsonValue) -> list[Process] | None:
    """Return the same; None for an empty body, which may mean that there is none: no proof."""
    found: list[Process] | None = None
    async for one in session.pages("app/processes", filters, use):
        found = found or []
        found += [read(Process, entry) for entry in entries_of(one, "processes")]
    return found


async def outputs(
    session: Session, id_: str, use: Use, **filters: JsonValue
) -> AsyncIterator[OutputLink]:
    """Yield the outputs of a process that pass the filters of OutputFilter."""
    async for one in session.pages(f"app/process/outputs/{id_}", filters, use):
        for entry in entries_of(one, "outputs"):  # may be missing altogether
            yield read(OutputLink, entry)


async def cost(session: Session, id_: str, use: Use) -> float | None:
    """Return what a process has cost, None where the service does not say."""
    answer = await session.get(f"app/process/cost/{id_}", use)
    value = answer.get("cost") if isinstance(answer, dict) else None
    return float(value) if isinstance(value, int | float) else None


async def stop(session: Session, ids: Sequence[str], use: Use, *, keep: bool) -> bool:
    """End processes; return whether all of them were there.

    Without `keep` their records are erased, too: the service's own default.
    """
    path = f"app/process/{','.join(ids)}"
    reply = await session.call(_delete(path, use, keep=keep, expect=GONE))
    return reply.status not in GONE


async def stop_all(session: Session, *, keep: bool) -> None:
    """End every process of the account, whoever started it."""
    await session.call(_delete("app/processes", Use.ASK, keep=keep))


def _delete(path: str, use: Use, *, keep: bool, expect: tuple[int, ...] = ()) -> Ask:
    params = {"keep": "true" if keep else "false"}
    return Ask("DELETE", path, use, params=params, reads=False, expect=expect)
