"""The ends of one run: look, change, stop, delete."""

import asyncio

from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.drmaatic.answers import BrokenError, RefusalError, detail, json
from orchestrator.emulators.drmaatic.bodies import form_of
from orchestrator.emulators.drmaatic.checks import LONGEST, checked
from orchestrator.emulators.drmaatic.desk import Desk, has_ended
from orchestrator.emulators.drmaatic.dialects import NEW, STOPPED
from orchestrator.emulators.drmaatic.gate import Call, End, Gate
from orchestrator.emulators.drmaatic.lists import Lists
from orchestrator.emulators.drmaatic.submit import Submit


class Runs:
    """The ends of runs."""

    def __init__(self, desk: Desk, submit: Submit) -> None:
        self._desk, self._lists, self._submit = desk, Lists(desk), submit

    def routes(self, gate: Gate) -> list[Route]:
        """Return the routes."""
        at = f"/{self._desk.dialect.run}/"
        one = f"{at}{{uuid}}/"
        all_ = {"GET": self._lists.get, "POST": self._submit.post}
        put: dict[str, End] = {"PUT": self._put}
        delete: dict[str, End] = {"DELETE": self._delete}
        if self._desk.dialect is not NEW:
            return [
                *gate.routes(at, all_),
                *gate.routes(one, {"GET": self._look, **put, "PATCH": self._patch, **delete}),
                *gate.routes(f"{one}stop/", {"PUT": self._stop}),
            ]
        return [
            *gate.routes(at, all_, free="POST"),  # that costs credit
            *gate.routes(one, {"GET": self._look, **delete, **put}),
            *gate.routes(f"{one}stop/", {"PUT": self._stop}),
            *gate.routes(f"{one}status/", {"GET": self._status}),
            *gate.routes(f"{one}get_ownership/", {"PUT": self._own}),
        ]

    async def _look(self, call: Call) -> Response:
        row = await self._desk.fresh(self._desk.own(call), call.where)
        if row["deleted"] and not call.is_admin:
            raise RefusalError(404, "Job not found" if self._desk.dialect is NEW else None)
        return json(self._desk.told(row, call))

    async def _status(self, call: Call) -> Response:
        return json((await self._desk.fresh(self._desk.own(call), call.where))["status"])

    async def _put(self, call: Call) -> Response:
        return await self._change(call, partial=False)

    async def _patch(self, call: Call) -> Response:
        return await self._change(call, partial=True)

    async def _change(self, call: Call, *, partial: bool) -> Response:
        desk = self._desk
        row, form = desk.own(call), await form_of(call.request)
        found = checked(desk.dialect, desk.rows, form, partial=partial)
        if len(found.get("description", "")) > LONGEST:
            raise BrokenError
        if found:
            desk.rows.change(row["uuid"], **found)
        return json(desk.told(desk.rows.get(row["uuid"]), call))

    async def _stop(self, call: Call) -> Response:
        """End a run. Since 2025 a refusal says that it does not run, whatever the reason is."""
        desk, row = self._desk, self._desk.own(call)
        is_new, job = desk.dialect is NEW, row["drm"]
        not_running = detail(409, f"Job {row['uuid']} is not running")
        if job is not None and not has_ended(row):
            down = desk.ground.faults.strike("controller-down", call.where)
            if down is not None:
                await asyncio.sleep(float(down))
                raise not_running if is_new else BrokenError
            if desk.node.cancel(job) and is_new:
                desk.rows.change(row["uuid"], status=STOPPED)
                return json({"detail": f"Job {row['uuid']} successfully stopped"})
        if is_new:
            raise not_running
        return json(None)

    async def _delete(self, call: Call) -> Response:
        """End a run and remove its files; the row stays."""
        desk, row = self._desk, self._desk.own(call)
        if row["drm"] is not None and not has_ended(row):
            await desk.reach_controller(call.where)
            desk.node.cancel(row["drm"])
        desk.rows.change(row["uuid"], deleted=1)
        desk.remove_files(row["uuid"])
        return json(None, 204)

    async def _own(self, call: Call) -> Response:
        row = self._desk.own(call)
        if row["owner"] is not None:
            return json("Job already owned", 409)
        if call.person is None:
            return json("User not valid", 400)
        self._desk.rows.change(row["uuid"], owner=call.person.name)
        return json("Job ownership granted")
