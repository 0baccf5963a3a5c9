"""The list of runs: which of them, and which page."""

from starlette.responses import Response

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic import paging
from orchestrator.emulators.drmaatic.answers import BrokenError, RefusalError, json
from orchestrator.emulators.drmaatic.desk import Desk, canonical
from orchestrator.emulators.drmaatic.dialects import OLD
from orchestrator.emulators.drmaatic.gate import Call


class Lists:
    """Lists runs. Slurm is asked about every one that is left, whatever page is wanted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def get(self, call: Call) -> Response:
        """Return a page of the caller's runs. Raises RefusalError and BrokenError."""
        rows, ids = self._filtered(call), call.request.query_params.get("ids")
        if ids and self._desk.dialect is not OLD:
            known = {canonical(it) for it in ids.split(",")}
            if None in known:
                raise BrokenError
            rows = [row for row in rows if row["uuid"] in known]
        elif call.person is None:
            return json(None, 204)
        if not call.is_admin:
            owner = None if call.person is None else call.person.name
            rows = [row for row in rows if row["owner"] == owner and not row["deleted"]]
        return json(await self._page(call, rows))

    def _filtered(self, call: Call) -> list[Row]:
        """Return the rows that the filters leave, by their last known status. Raises RefusalError.

        The dialect of 2023 does not know any of them.
        """
        rows, wanted = self._desk.rows.all(), call.request.query_params
        if self._desk.dialect is OLD:
            return rows
        if status := wanted.get("status"):
            if status not in self._desk.dialect.sentences:
                text = f"Select a valid choice. {status} is not one of the available choices."
                raise RefusalError(400, {"status": [text]})
            rows = [row for row in rows if row["status"] == status]
        if text := wanted.get("description", "").strip().lower():
            rows = [row for row in rows if text in (row["description"] or "").lower()]
        if name := wanted.get("job_name", "").strip().lower():
            rows = [row for row in rows if row["entry"].lower() == name]
        return rows

    async def _page(self, call: Call, rows: list[Row]) -> dict[str, object]:
        desk, faults = self._desk, self._desk.ground.faults
        lag = float(faults.strike("list-lag", call.where) or 0)
        newest = desk.ground.clock.now() - lag
        rows = [await desk.fresh(row, call.where) for row in rows if row["created"] <= newest]
        shift = int(faults.strike("page-shift", call.where) or 0)
        frame, shown = paging.page(call.request, rows, shift)
        return {**frame, "results": [desk.told(row, call) for row in shown]}
