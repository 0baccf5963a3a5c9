"""What happens to a simulation between its start and its end."""

import asyncio
import math
import signal
from typing import Literal

from orchestrator.emulators.cloudhpc.items import Items
from orchestrator.emulators.cloudhpc.machine import Machine
from orchestrator.emulators.cloudhpc.scripts import ScriptError
from orchestrator.emulators.cloudhpc.simulations import (
    COMPLETED,
    ERROR,
    STOPPED,
    STOPPING,
    Simulations,
)
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.tasks import Tasks

LOOK_EVERY = 0.02  # seconds
FULL = "@@@ HARD DISK used > 90.0% - @@@ AUTOMATIC SOFT STOP procedure"
Outcome = int | Literal["stopped", "rebooted"]  # an exit code, or what came before there was one


class Conductor:
    """One task for each simulation that has not ended; after a restart they go on."""

    def __init__(self, ground: Ground, items: Items, simulations: Simulations) -> None:
        self._ground, self._items, self._simulations = ground, items, simulations
        self._tasks = Tasks(self._conduct)

    def launch(self, id_: int) -> None:
        """Begin with a simulation, or go on with it."""
        self._tasks.launch(id_)

    def stop_softly(self, id_: int) -> None:
        """Let a simulation end in order: that takes a while, and its results are uploaded."""
        due = self._ground.clock.now() + self._ground.dials["stopping"]
        self._simulations.stop_at(id_, due)
        self._simulations.log(id_, "soft stop")

    def stop_hard(self, row: Row) -> None:
        """End a simulation at once, and delete its results; nothing if it has ended."""
        if row["ended"] is not None:
            return
        self._tasks.cancel(row["id"])
        self._ground.work.kill(str(row["id"]))
        self._machine(row).discard()
        self._simulations.log(row["id"], "hard stop: results deleted")
        self._simulations.end(row["id"], STOPPED)

    async def run(self) -> None:
        """Go on with what had not ended when the emulator was; until cancelled."""
        await self._tasks.run(self._simulations.unfinished())

    async def _conduct(self, id_: int) -> None:
        outcome: Outcome = "rebooted"
        try:
            while outcome == "rebooted":
                await asyncio.sleep(self._ground.step)
                row = self._get(id_)
                await self._begin(row)
                outcome = await self._work(row)
                self._ground.work.kill(str(id_))  # and what it left in the background
                if outcome == "rebooted":
                    self._simulations.rewind(id_)
                    self._simulations.log(id_, "the machine was taken away: begun anew")
        except ScriptError as error:
            text = str(error)
            self._simulations.remark(id_, text if text.startswith("@") else f"@@@ ERROR: {text}")
        else:
            await self._finish(self._get(id_), outcome)
        self._end(self._get(id_))

    async def _begin(self, row: Row) -> None:
        """Furnish the machine and start the program. Raises ScriptError."""
        machine = self._machine(row)
        if row["begun"] is None:
            await machine.furnish()
            self._simulations.log(row["id"], f"{row['script']} on {row['cpu']} vCPU {row['ram']}")
            self._simulations.begin(row["id"])
        machine.start()

    async def _work(self, row: Row) -> Outcome:
        """Wait until the program has ended, or is to be ended."""
        id_, faults, now = row["id"], self._ground.faults, self._ground.clock.now
        reboot = None if row["nopre"] else faults.strike("spot-restart")
        reboot_due = math.inf if reboot is None else now() + float(reboot)
        full = faults.strike("disk-full")
        full_due = math.inf if full is None else now() + float(full)
        while (code := self._ground.work.ended(str(id_))) is None:
            row = self._get(id_)
            if row["stop_due"] is not None and now() >= row["stop_due"]:
                return "stopped"
            if now() >= reboot_due:
                return "rebooted"
            if now() >= full_due:
                full_due = math.inf
                self._simulations.remark(id_, FULL)
                self.stop_softly(id_)
            if now() >= row["sync_due"]:
                await self._upload(row)
                self._simulations.synced(id_)
            await asyncio.sleep(LOOK_EVERY)
        return code

    async def _finish(self, row: Row, outcome: Outcome) -> None:
        """Upload the results, whatever became of the run."""
        await asyncio.sleep(self._ground.step)
        await self._upload(row)
        if isinstance(outcome, int) and outcome:
            self._simulations.remark(row["id"], _complaint(row["script"], outcome))

    async def _upload(self, row: Row) -> None:
        count = await self._machine(row).upload()
        self._simulations.log(row["id"], f"results uploaded: {count} files")

    def _end(self, row: Row) -> None:
        """Note the end: that a program failed is none of the service's business."""
        if row["status"] == STOPPING:
            status = STOPPED
        elif self._ground.faults.strike("ends-in-error") is not None:
            status = ERROR
        else:
            status = COMPLETED
        self._simulations.end(row["id"], status)

    def _machine(self, row: Row) -> Machine:
        return Machine(self._ground, self._items, row)

    def _get(self, id_: int) -> Row:
        row = self._simulations.get(id_)
        assert row is not None  # noqa: S101 - simulations are never removed
        return row


def _complaint(script: str, code: int) -> str:
    """Return what the output says of a program that failed; a shell adds 128 to a signal."""
    number = -code if code < 0 else code - 128
    if number in set(signal.Signals):
        return f"=   KILLED BY SIGNAL: {number} ({signal.strsignal(number)})"
    return f"@@@ ERROR: {script} exit code {code}"
