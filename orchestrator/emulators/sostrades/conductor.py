"""What happens to an execution between its acceptance and its end."""

import asyncio
import json
import os
import sys
from pathlib import Path

import orchestrator
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.sostrades import calculation, readonly
from orchestrator.emulators.sostrades.executions import (
    BUSY,
    FAILED,
    FINISHED,
    OVER,
    PENDING,
    POD_ERROR,
    POD_PENDING,
    RUNNING,
    STOPPED,
    WAITING,
    WORKING,
    Executions,
    usage,
)
from orchestrator.emulators.sostrades.logbook import Logbook
from orchestrator.emulators.sostrades.sleeping import WAKE
from orchestrator.emulators.sostrades.studies import Studies, inputs, process_of
from orchestrator.emulators.tasks import Tasks

LOOK_EVERY = 0.02  # seconds
REQUEST = "request.json"
HERE = str(Path(orchestrator.__file__).resolve().parents[1])


class Conductor:
    """One task for each execution that has not ended; after a restart they go on."""

    def __init__(self, ground: Ground, studies: Studies, executions: Executions) -> None:
        self._ground, self._studies, self._executions = ground, studies, executions
        self._tasks = Tasks(self._conduct)

    def launch(self, number: int) -> None:
        """Begin with an execution."""
        self._tasks.launch(number)

    async def run(self) -> None:
        """Go on with what had not ended when the emulator was; until cancelled."""
        await self._tasks.run(self._executions.unfinished())

    def stop(self, study: int) -> None:
        """Stop the current execution of a study, as a person can while it goes on."""
        if self._executions.status(study) in BUSY:
            self.kill(study)
            self._executions.set_status(study, STOPPED)

    def kill(self, study: int) -> None:
        """Let the process behind a study's current execution die, and tell nobody."""
        row = self._executions.current(study)
        if row is not None:
            self._executions.change(row["id"], stage=OVER)
            self._tasks.cancel(row["id"])
            self._ground.work.kill(str(row["id"]))

    def wake(self, study: int) -> None:
        """Let the current execution of a study sleep no longer."""
        row = self._executions.current(study)
        if row is not None:
            (self._ground.work.files(str(row["id"])) / WAKE).touch()

    async def _conduct(self, number: int) -> None:
        row = self._executions.get(number)
        if row["stage"] == WAITING:
            await self._ground.clock.wait(row["due"] - self._ground.clock.now())
            if not self._begin(row):
                return
        code = await self._ended(number)
        if code in (0, 1):  # else it did not end by itself: the last status stands for ever
            self._close(self._executions.get(number), is_good=code == 0)
        self._executions.change(number, stage=OVER)

    async def _ended(self, number: int) -> int:
        """Return how a process ended, when it has."""
        while True:
            code = self._ground.work.ended(str(number))
            if code is not None:
                return code
            await asyncio.sleep(LOOK_EVERY)

    def _begin(self, row: Row) -> bool:
        """Start the process; return whether one was started."""
        number, status = row["id"], self._executions.get(row["id"])["status"]
        if self._ground.faults.strike("pod-error", f"study {row['study']}") is not None:
            self._executions.change(number, status=POD_ERROR, stage=OVER)
            return False
        self._start(row)
        status = RUNNING if status in (PENDING, POD_PENDING) else status
        self._executions.change(number, status=status, stage=WORKING, **usage())
        return True

    def _start(self, row: Row) -> None:
        """Start the program, unless that was done before."""
        number, study = str(row["id"]), self._studies.get(row["study"])
        process = process_of(study)
        request = {
            "study": study["id"], "name": study["name"], "process": process.name,
            "repository": process.repository,
            "log": str(self._executions.log(study["id"], row["id"])),
            "inputs": [
                {
                    "name": name, "type": it.type, "value": value, "range": it.range,
                    "possible": it.possible, "optional": it.optional or it.coupled,
                }
                for name, it, value in inputs(process, self._studies.values(study["id"]))
            ],
        }  # fmt: skip
        path = self._ground.work.files(number).parent / REQUEST
        path.write_text(json.dumps(request), "utf-8")
        command = [sys.executable, "-m", calculation.__name__, str(path.resolve())]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": HERE, "LANG": "C.UTF-8"}
        self._ground.work.start(number, command, environment)

    def _close(self, row: Row, *, is_good: bool) -> None:
        """Take over what a process that has ended brought, if the study still waits for it."""
        study, number = row["study"], row["id"]
        log = Logbook(self._executions.log(study, number), study, os.getpid())
        if row["status"] != RUNNING:
            log.thread(f"Study interrupted, current state is not RUNNING but {row['status']}")
            return
        is_stale = self._ground.faults.strike("stale", f"study {study}") is not None
        if is_good and not is_stale:
            results = self._ground.work.files(str(number)) / calculation.RESULTS
            self._studies.write(study, json.loads(results.read_text("utf-8")))
        due = self._ground.clock.date().replace(tzinfo=None)
        text = f"Ontology grace period not finished {due}, no request executed"
        log.server("ontology_controller", text)
        if is_good:
            readonly.write(self._ground.root, self._studies, self._executions, study)
        before, now = self._studies.touch(study)
        log.thread(f"Study case modification date before update: {before}")
        log.thread(f"New modification date: {now}")
        self._executions.change(number, status=FINISHED if is_good else FAILED)
