"""The ends of runs: submit, list, look, stop, delete."""

import asyncio
import shutil
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic import paging
from orchestrator.emulators.drmaatic.answers import BrokenError, RefusalError, detail, json
from orchestrator.emulators.drmaatic.bodies import form_of
from orchestrator.emulators.drmaatic.dialects import FINAL, NEW, OLD, STOPPED, Dialect
from orchestrator.emulators.drmaatic.gate import Call, Gate
from orchestrator.emulators.drmaatic.node import Node
from orchestrator.emulators.drmaatic.people import refuse_strangers
from orchestrator.emulators.drmaatic.quota import Quota
from orchestrator.emulators.drmaatic.records import Records
from orchestrator.emulators.drmaatic.rows import Rows
from orchestrator.emulators.drmaatic.slurm import Slurm
from orchestrator.emulators.drmaatic.submit import LONGEST, Submit, canonical
from orchestrator.emulators.ground import Ground


class Runs:
    """The ends of runs. Slurm is asked only about a run that is not known to have ended."""

    def __init__(
        self,
        ground: Ground,
        dialect: Dialect,
        rows: Rows,
        slurm: Slurm,
        node: Node,
        submit: Submit,
        quota: Quota,
    ) -> None:
        self._ground, self._dialect, self._rows = ground, dialect, rows
        self._slurm, self._node, self._submit, self._quota = slurm, node, submit, quota
        self._records = Records(ground, dialect, rows)

    def routes(self, gate: Gate) -> list[Route]:
        """Return the routes."""
        at, one = f"/{self._dialect.run}/", f"/{self._dialect.run}/{{uuid}}/"
        free = "POST" if self._dialect is NEW else ""  # it costs credit instead
        if self._dialect is OLD:
            ends = {
                "GET": self._look, "PUT": self._put, "PATCH": self._patch, "DELETE": self._delete
            }  # fmt: skip
        else:
            ends = {"GET": self._look, "DELETE": self._delete, "PUT": self._put}
        found = [
            *gate.routes(at, {"GET": self._list, "POST": self._post}, free=free),
            *gate.routes(one, ends),
            *gate.routes(f"{one}stop/", {"PUT": self._stop}),
        ]
        if self._dialect is NEW:
            found += gate.routes(f"{one}status/", {"GET": self._status})
            found += gate.routes(f"{one}get_ownership/", {"PUT": self._own})
        return found

    def row(self, call: Call) -> Row:
        """Return the row that a path names. Raises RefusalError."""
        id_ = canonical(call.request.path_params["uuid"])
        if id_ is None:
            raise detail(404, "Not found.")
        row = self._rows.get(id_)
        if row is None:
            raise detail(404, self._dialect.no_run)
        return row

    def own(self, call: Call) -> Row:
        """Return the row that a path names, if the caller may have it. Raises RefusalError."""
        row = self.row(call)
        refuse_strangers(row["owner"], call.person)
        return row

    async def fresh(self, row: Row, where: str) -> Row:
        """Ask Slurm about a run, unless it has ended; return its row. Raises BrokenError."""
        if row["drm"] is None or has_ended(row):
            return row
        await self._controller(where)
        self._rows.change(row["uuid"], status=self._slurm.told(row["drm"], where))
        again = self._rows.get(row["uuid"])
        assert again is not None  # noqa: S101 - a row with a number is never removed
        return again

    async def _controller(self, where: str) -> None:
        """Go on only if the controller answers. Raises BrokenError."""
        down = self._ground.faults.strike("controller-down", where)
        if down is not None:
            await asyncio.sleep(float(down))
            raise BrokenError

    def _told(self, row: Row, call: Call) -> dict[str, Any]:
        return self._records.record(row, call.where, admin=call.is_admin)

    async def _post(self, call: Call) -> Response:
        form = await form_of(call.request)
        entry = self._submit.entry_of(form)
        if entry is not None and self._dialect is NEW:
            self._quota.spend(call.person, entry.tokens)
        return json(self._told(await self._submit.submit(call, form), call), 201)

    async def _list(self, call: Call) -> Response:
        wanted, person = call.request.query_params, call.person
        rows = self._filtered(call)
        if ids := wanted.get("ids"):
            known = {canonical(it) for it in ids.split(",")}
            if None in known:
                raise BrokenError
            rows = [row for row in rows if row["uuid"] in known]
        elif person is None:
            return json(None, 204)
        if not call.is_admin:
            owner = None if person is None else person.name
            rows = [row for row in rows if row["owner"] == owner and not row["deleted"]]
        lag = float(self._ground.faults.strike("list-lag", call.where) or 0)
        newest = self._ground.clock.now() - lag
        rows = [await self.fresh(row, call.where) for row in rows if row["created"] <= newest]
        shift = int(self._ground.faults.strike("page-shift", call.where) or 0)
        frame, shown = paging.page(call.request, rows, shift)
        return json({**frame, "results": [self._told(row, call) for row in shown]})

    def _filtered(self, call: Call) -> list[Row]:
        """Return the rows that the filters leave, by their last known status. Raises RefusalError.

        The dialect of 2023 takes no filter for one.
        """
        rows, wanted = list(self._rows.all()), call.request.query_params
        if self._dialect is OLD:
            return rows
        if status := wanted.get("status"):
            if status not in self._dialect.sentences:
                text = f"Select a valid choice. {status} is not one of the available choices."
                raise RefusalError(400, {"status": [text]})
            rows = [row for row in rows if row["status"] == status]
        if text := wanted.get("description", "").strip():
            rows = [row for row in rows if text.lower() in (row["description"] or "").lower()]
        if name := wanted.get("job_name", "").strip():
            rows = [row for row in rows if row["entry"].lower() == name.lower()]
        return rows

    async def _look(self, call: Call) -> Response:
        row = await self.fresh(self.own(call), call.where)
        if row["deleted"] and not call.is_admin:
            raise RefusalError(404, "Job not found" if self._dialect is NEW else None)
        return json(self._told(row, call))

    async def _status(self, call: Call) -> Response:
        return json((await self.fresh(self.own(call), call.where))["status"])

    async def _put(self, call: Call) -> Response:
        return await self._change(call, partial=False)

    async def _patch(self, call: Call) -> Response:
        return await self._change(call, partial=True)

    async def _change(self, call: Call, *, partial: bool) -> Response:
        row = self.own(call)
        found = self._submit.checked(await form_of(call.request), partial=partial)
        if len(found.get("description", "")) > LONGEST:
            raise BrokenError
        if found:
            self._rows.change(row["uuid"], **found)
        return json(self._told(self.row(call), call))

    async def _stop(self, call: Call) -> Response:
        row = self.own(call)
        not_running = detail(409, f"Job {row['uuid']} is not running")
        down = self._ground.faults.strike("controller-down", call.where)
        if down is not None:
            await asyncio.sleep(float(down))
            raise not_running if self._dialect is NEW else BrokenError
        going = row["drm"] is not None and not has_ended(row)
        if going and self._slurm.elements(row["drm"])[-1]["ended"] is None:
            self._node.cancel(row["drm"])
        elif self._dialect is NEW:
            raise not_running
        if self._dialect is OLD:
            return json(None)
        self._rows.change(row["uuid"], status=STOPPED)
        return json({"detail": f"Job {row['uuid']} successfully stopped"})

    async def _delete(self, call: Call) -> Response:
        row = self.own(call)
        if row["drm"] is not None and not has_ended(row):
            await self._controller(call.where)
            self._node.cancel(row["drm"])
        self._rows.change(row["uuid"], deleted=1)
        shutil.rmtree(self._submit.folder(row["uuid"]).with_name(row["uuid"]), ignore_errors=True)
        return json(None, 204)

    async def _own(self, call: Call) -> Response:
        row = self.own(call)
        if row["owner"] is not None:
            return json("Job already owned", 409)
        if call.person is None:
            return json("User not valid", 400)
        self._rows.change(row["uuid"], owner=call.person.name)
        return json("Job ownership granted")


def has_ended(row: Row) -> bool:
    """Whether the service will not ask about a run any more."""
    return row["status"] in FINAL or bool(row["deleted"])
