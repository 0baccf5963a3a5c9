"""The node: what happens to a job of Slurm between its submission and its end."""

import asyncio
import json
import os
import sys
from pathlib import Path

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic import programs
from orchestrator.emulators.drmaatic.slurm import (
    BROKEN,
    CANCELLED,
    COMPLETED,
    TIMEOUT,
    Key,
    Slurm,
)
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.tasks import Tasks

LOOK_EVERY = 0.02  # seconds
# The folder may be gone when the work begins: then it fails, as it would there.
LAUNCH = 'cd "$1" && out=$2 err=$3 && shift 3 && exec "$@" >> "$out" 2>> "$err"'


class Node:
    """One task for each element that has not ended; after a restart they go on."""

    def __init__(self, ground: Ground, slurm: Slurm) -> None:
        self._ground, self._slurm = ground, slurm
        self._programs = ground.root.resolve() / "programs"
        self._tasks = Tasks(self._conduct)
        programs.install(self._programs)

    def launch(self, job: int) -> None:
        """Begin with a job."""
        for row in self._slurm.elements(job):
            self._tasks.launch(_key(row))

    def cancel(self, job: int) -> bool:
        """End a job at once; return whether there was something to end."""
        going = [row for row in self._slurm.elements(job) if row["ended"] is None]
        for row in going:
            self._tasks.cancel(_key(row))
            self._ground.work.kill(_name(row))
            self._slurm.end(_key(row), CANCELLED)
        return bool(going)

    async def run(self) -> None:
        """Go on with what had not ended when the emulator was; until cancelled."""
        await self._tasks.run(self._slurm.unfinished())

    async def _conduct(self, key: Key) -> None:
        await asyncio.sleep(self._ground.step)
        row = self._slurm.get(key)
        while not (may := self._slurm.may_begin(row)):
            if may is None:
                return  # it stays in the queue
            await asyncio.sleep(LOOK_EVERY)
        self._slurm.begin(key)
        self._start(row)
        state = await self._work(row)
        self._ground.work.kill(_name(row))  # and what it left in the background
        self._slurm.end(key, state)

    def _start(self, row: Row) -> None:
        """Start the program, unless that was done before."""
        folder, mark = Path(row["folder"]), row["run"][:8]
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": row["folder"],
            "LANG": "C.UTF-8",
            "PYTHON": sys.executable,
            "PAUSE": str(self._ground.dials["pause"]),
            "SLURM_JOB_ID": str(row["job"]),
            "SLURM_JOB_ACCOUNT": row["account"],
            "SLURM_ARRAY_TASK_ID": str(row["element"] or ""),
        }
        program = ["/bin/sh", str(self._programs / row["command"]), *json.loads(row["words"])]
        outputs = [f"{mark}_out.txt", f"{mark}_err.txt"]
        command = ["/bin/sh", "-c", LAUNCH, "run", str(folder), *outputs, *program]
        self._ground.work.start(_name(row), command, environment)

    async def _work(self, row: Row) -> str:
        """Wait until the program has ended, or has had its time; return what became of it."""
        name, due = _name(row), self._slurm.get(_key(row))["begun"] + row["time_limit"]
        while (code := self._ground.work.ended(name)) is None:
            if self._ground.clock.now() >= due:
                return TIMEOUT
            await asyncio.sleep(LOOK_EVERY)
        return BROKEN if code else COMPLETED


def _key(row: Row) -> Key:
    return row["job"], row["element"]


def _name(row: Row) -> str:
    """Return the name of an element's processes."""
    return f"{row['run']}_{row['element']}" if row["element"] else str(row["run"])
