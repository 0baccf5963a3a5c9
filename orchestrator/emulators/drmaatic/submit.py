"""A submission: what is done in which order, and the row that a refused one may leave."""

import asyncio
import json as json_
from collections.abc import Sequence

from starlette.responses import Response

from orchestrator.emulators.drmaatic.answers import BrokenError, RefusalError, detail, json
from orchestrator.emulators.drmaatic.bodies import Form, form_of
from orchestrator.emulators.drmaatic.catalogue import Entry
from orchestrator.emulators.drmaatic.checks import AFTER_ANY, LONGEST, checked, entry_of
from orchestrator.emulators.drmaatic.desk import Desk, canonical
from orchestrator.emulators.drmaatic.dialects import FAILED, NEW
from orchestrator.emulators.drmaatic.gate import Call
from orchestrator.emulators.drmaatic.parameters import Passed, pass_on
from orchestrator.emulators.drmaatic.quota import Quota
from orchestrator.emulators.ground import Ground

BARE = "bare"


class Submit:
    """Takes runs."""

    def __init__(self, desk: Desk, quota: Quota) -> None:
        self._desk, self._quota = desk, quota

    async def post(self, call: Call) -> Response:
        """Take a run. Raises RefusalError and BrokenError."""
        desk, form = self._desk, await form_of(call.request)
        entry = entry_of(desk.dialect, form)
        if entry is not None and desk.dialect is NEW:
            self._quota.spend(call.person, entry.tokens)
        wish = checked(desk.dialect, desk.rows, form)
        if entry is None or not entry.is_open_to(call.person):
            raise detail(404, f"{desk.dialect.entry.capitalize()} not found")
        await _pause(desk.ground, "late-row", call.where)
        id_ = desk.rows.add(call.person, entry.name, desk.dialect.received, wish.get("parent"))
        await self._fill(call, id_, entry, form, wish.get("description"))
        return json(desk.told(desk.rows.get(id_), call), 201)

    async def _fill(
        self, call: Call, id_: str, entry: Entry, form: Form, description: str | None
    ) -> None:
        """Do what is left when the row is there. Raises RefusalError and BrokenError."""
        desk, client = self._desk, call.request.client
        dies = desk.ground.faults.strike("stays-received", call.where)
        if dies == BARE or len(description or "") > LONGEST:
            raise BrokenError
        if desk.ground.faults.strike("other-description", call.where) is not None:
            description = "something else"
        desk.rows.change(id_, description=description, address=client and client.host)
        if desk.rows.get(id_)["parent"] is None:
            desk.folder(id_).mkdir(parents=True)
        passed = self._take_parameters(id_, entry, form)
        after = self._take_dependencies(id_, form)
        if dies is not None:
            raise BrokenError
        await _pause(desk.ground, "slow-submit", call.where)
        await self._start(call, id_, entry, passed, after)

    def _take_parameters(self, id_: str, entry: Entry, form: Form) -> Passed:
        """Keep parameters and files. Raises RefusalError and BrokenError."""
        passed, desk = Passed(), self._desk
        wanted = entry.asked(desk.dialect)
        try:
            pass_on(wanted, entry.name, form, passed, desk.folder(id_))
        except (TypeError, OSError):
            desk.remove_files(id_)
            raise BrokenError from None
        except RefusalError:
            desk.remove_files(id_)
            if passed.forgotten:
                desk.rows.remove(id_)
            raise
        desk.rows.change(id_, files=passed.files, parameters=passed.told)
        return passed

    def _take_dependencies(self, id_: str, form: Form) -> list[int | None]:
        """Keep what a run waits for; return the numbers of that in Slurm. Raises BrokenError."""
        text, rows = form.text("dependencies"), self._desk.rows
        if not text:
            return []
        found = [rows.find(canonical(it) or "") for it in text.split(",")]
        known = [row for row in found if row is not None]
        if len(known) < len(found):
            raise BrokenError
        how = form.text("dependency_type") or AFTER_ANY
        rows.change(id_, depends=[row["uuid"] for row in known], dependency_type=how)
        return [row["drm"] for row in known]

    async def _start(
        self, call: Call, id_: str, entry: Entry, passed: Passed, after: Sequence[int | None]
    ) -> None:
        """Give a run to Slurm. Raises RefusalError."""
        desk, row = self._desk, self._desk.rows.get(id_)
        down = desk.ground.faults.strike("controller-down", call.where)
        if down is not None or None in after:
            await asyncio.sleep(float(down or 0) / 2)
            desk.remove_files(id_)
            desk.rows.change(id_, status=FAILED)
            raise detail(500, f"An error occurred while starting the {desk.dialect.run}")
        if desk.ground.faults.strike("rejected", call.where) is not None:
            desk.rows.change(id_, status=desk.dialect.rejected)
            return
        wish = {
            "run": id_, "folder": str(desk.folder(id_)), "command": entry.command,
            "words": json_.dumps(passed.words()), "cpus": entry.cpus, "limit": entry.limit,
            "account": call.person.group if call.person else "anonymous",
            "after": json_.dumps(after), "how": row["dependency_type"] or "",
            "tag": row["description"] or "",
        }  # fmt: skip
        job = desk.slurm.submit(wish, entry.last)
        desk.rows.change(id_, drm=job, status=desk.dialect.created)
        desk.node.launch(job)


async def _pause(ground: Ground, fault: str, where: str) -> None:
    """Wait, by the service's clock, if a fault wants that."""
    await ground.clock.wait(float(ground.faults.strike(fault, where) or 0))
