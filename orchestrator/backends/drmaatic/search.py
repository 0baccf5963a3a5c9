"""Look for runs in the account's list."""

from collections.abc import Collection

from orchestrator.backend import Absent, Finding, Found, ProtocolError, Run, Several, Unclear
from orchestrator.backends.drmaatic import checking
from orchestrator.backends.drmaatic.model import RunTable
from orchestrator.backends.drmaatic.replies import Record
from orchestrator.backends.drmaatic.service import PAGE_SIZE, Service
from orchestrator.backends.drmaatic.submitting import description
from orchestrator.backends.http import Use


async def by_ids(service: Service, uuids: Collection[str]) -> dict[str, Record]:
    """Return those of the runs that the list shows, by their UUIDs.

    One call where the service takes `ids`. Where it does not, all its runs come, the newest first:
    they are not read on once that takes as many pages as it takes calls to ask for each that lacks.
    """
    found: dict[str, Record] = {}
    pages = 0
    async for page in service.runs(Use.POLL, size=PAGE_SIZE, ids=",".join(uuids)):
        found |= {str(one.uuid): one for one in page if str(one.uuid) in uuids}
        pages += 1
        if len(uuids) - len(found) <= pages:
            break
    return found


async def by_key(service: Service, run: Run) -> Finding:
    """Look for a run by its description."""
    if service.is_anonymous:
        return Unclear("an anonymous account cannot look for its runs")
    words = await service.dialect(Use.SUBMIT)
    pages = service.runs(Use.SUBMIT, description=run.key if words.lists_by_key else "")
    ours = description(run)
    found: set[str] = set()
    try:
        async for page in pages:
            found |= {str(one.uuid) for one in page if one.description == ours}
    except ProtocolError as error:
        return Unclear(str(error))
    if not found:
        return Absent(f"no run is described as {ours!r}")
    if len(found) > 1:
        return Several(tuple(sorted(found)))
    return await _looked_at(service, run, found.pop())


async def _looked_at(service: Service, run: Run, uuid: str) -> Finding:
    """Look at a run that is listed as ours: a list that mixes runs up must not be believed."""
    ours = description(run)
    record = await service.get(uuid, Use.SUBMIT)
    if record is None or record.description != ours:
        return Unclear(f"run {uuid} is listed as {ours!r}, but is another by its UUID")
    fault = checking.differs(record, RunTable.model_validate(run.options))
    if fault:
        return Unclear(f"run {uuid} is described as {ours!r}, but {fault}")
    return Found(uuid, f"a run described as {ours!r}")
