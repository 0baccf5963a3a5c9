"""What the ends of runs share: how a row is found, brought up to date, and shown."""

import asyncio
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic import records
from orchestrator.emulators.drmaatic.answers import BrokenError, detail
from orchestrator.emulators.drmaatic.dialects import FINAL, Dialect
from orchestrator.emulators.drmaatic.gate import Call
from orchestrator.emulators.drmaatic.node import Node
from orchestrator.emulators.drmaatic.people import refuse_strangers
from orchestrator.emulators.drmaatic.rows import Rows
from orchestrator.emulators.drmaatic.slurm import Slurm
from orchestrator.emulators.ground import Ground


@dataclass(frozen=True, slots=True)
class Desk:
    """The service's rows, and Slurm behind it, which is asked only about runs not known to end."""

    ground: Ground
    dialect: Dialect
    rows: Rows
    slurm: Slurm
    node: Node

    def folder(self, id_: str) -> Path:
        """Return the folder that a run works in: that of the first of its line."""
        return self._own_folder(self.rows.ancestor(id_))

    def remove_files(self, id_: str) -> None:
        """Remove the folder that a run has of its own, though a child may work in it."""
        shutil.rmtree(self._own_folder(id_), ignore_errors=True)

    def _own_folder(self, id_: str) -> Path:
        return self.ground.root.resolve() / "runs" / id_

    def row(self, call: Call) -> Row:
        """Return the row that a path names. Raises RefusalError."""
        id_ = canonical(call.request.path_params["uuid"])
        if id_ is None:
            raise detail(404, "Not found.")
        row = self.rows.find(id_)
        if row is None:
            raise detail(404, self.dialect.no_run)
        return row

    def own(self, call: Call) -> Row:
        """Return the row that a path names, if the caller may have it. Raises RefusalError."""
        row = self.row(call)
        refuse_strangers(row["owner"], call.person)
        return row

    async def fresh(self, row: Row, where: str) -> Row:
        """Ask Slurm about a run, unless it is known to have ended; return its row.

        Raises BrokenError.
        """
        if row["drm"] is None or has_ended(row):
            return row
        await self.reach_controller(where)
        self.rows.change(row["uuid"], status=self.slurm.told(row["drm"], where))
        return self.rows.get(row["uuid"])

    async def reach_controller(self, where: str) -> None:
        """Go on only if Slurm's controller answers. Raises BrokenError."""
        down = self.ground.faults.strike("controller-down", where)
        if down is not None:
            await asyncio.sleep(float(down))
            raise BrokenError

    def told(self, row: Row, call: Call) -> dict[str, Any]:
        """Return the record of a run, as the caller may see it."""
        lie = self.ground.faults.strike("wrong-uuid", call.where) is not None
        record = records.record(self.dialect, self.rows, row, self.ground.dials["zone"])
        record |= {"uuid": str(uuid.uuid4())} if lie else {}
        return records.shown(self.dialect, record, admin=call.is_admin)


def has_ended(row: Row) -> bool:
    """Whether the service will not ask about a run any more."""
    return row["status"] in FINAL or bool(row["deleted"])


def canonical(text: str) -> str | None:
    """Return a uuid as rows have it; None: it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
