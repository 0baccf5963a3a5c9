"""What happens to a process between its launch and its end: the steps, the program, the outputs."""

import asyncio
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from anyio import to_thread

from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground
from orchestrator.emulators.tasks import Tasks
from orchestrator.emulators.thecrossproduct import apps
from orchestrator.emulators.thecrossproduct.accounts import Accounts
from orchestrator.emulators.thecrossproduct.apps import App
from orchestrator.emulators.thecrossproduct.processes import Processes
from orchestrator.emulators.thecrossproduct.refusal import RefusalError
from orchestrator.emulators.thecrossproduct.uris import Uris

LOOK_EVERY = 0.01  # seconds


class StepError(Exception):
    """A step failed; the text is what the process record says of it."""


class Conductor:
    """One task for each process that has not ended; after a restart they go on where they were."""

    def __init__(self, ground: Ground, accounts: Accounts, processes: Processes) -> None:
        self._ground, self._accounts, self._processes = ground, accounts, processes
        self._tasks = Tasks(self._conduct)

    def launch(self, id_: str) -> None:
        """Begin with a process, or go on with it."""
        self._tasks.launch(id_)

    def kill(self, id_: str) -> None:
        """End a process and its work; one that has ended stays as it is."""
        self._tasks.cancel(id_)
        self._ground.work.kill(id_)
        silent = self._ground.faults.strike("silent-kill") is not None
        self._processes.end(id_, "dead", "" if silent else "Killed by user")

    async def run(self) -> None:
        """Go on with what had not ended when the emulator was; until cancelled."""
        await self._tasks.run(self._processes.unfinished())

    async def _conduct(self, id_: str) -> None:
        row = self._processes.get(id_)
        app = None if row is None else apps.find(row["domain"], row["app"])
        if row is None or app is None:
            return
        steps = ["pending", "waiting", "download", *app.steps, "upload", "terminated"]
        try:
            for step in steps[steps.index(row["state"]) :]:
                self._processes.move(id_, step)
                await asyncio.sleep(self._ground.step)
                await self._act(row, app, step)
        except StepError as error:
            how = (
                "dead"
                if self._ground.faults.strike("dead-errors") is not None
                else f"failed_{step}"
            )
            self._processes.end(id_, how, str(error))
        else:
            self._processes.end(id_, "dead", "")

    async def _act(self, row: Row, app: App, step: str) -> None:
        if step == "download":
            await self._download(row, app)
        elif step == app.steps[-1]:
            await self._compute(row, app, step)
        elif step == "upload":
            await self._upload(row, app)

    async def _download(self, row: Row, app: App) -> None:
        """Put the inputs into the work folder."""
        uris = Uris(self._accounts, self._ground.objects, row["account"])
        folder = self._ground.work.files(row["id"])
        for name, uri in apps.files(app, json.loads(row["body"])["inputs"]).items():
            try:
                source = self._ground.objects.path(uris.file(uri))
            except RefusalError as refusal:
                raise StepError(f"download: {refusal}") from None
            await to_thread.run_sync(shutil.copyfile, source, folder / name)

    async def _compute(self, row: Row, app: App, step: str) -> None:
        """Run the program to its end. What a program that failed has left is uploaded too."""
        work, id_ = self._ground.work, row["id"]
        self._processes.charge(id_)
        folder = work.files(id_)
        environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
        work.start(id_, apps.command(app, json.loads(row["body"])["inputs"]), environment)
        while (code := work.ended(id_)) is None:  # noqa: ASYNC110 - it may be no child of ours
            await asyncio.sleep(LOOK_EVERY)
        work.kill(id_)  # what it left behind in the background
        if code:
            await self._upload(row, app)
            said = work.said(id_, "stderr").strip()
            raise StepError(
                f"{step} exited with {code}: {said}" if said else f"{step} exited with {code}"
            )

    async def _upload(self, row: Row, app: App) -> None:
        """Make every file in the work folder that was not an input an output."""
        inputs = apps.files(app, json.loads(row["body"])["inputs"])
        folder = self._ground.work.files(row["id"])
        for name, path in _files(folder):
            if name in inputs:
                continue
            file = self._ground.objects.new_file()
            md5 = await to_thread.run_sync(_copy, path, file)
            key = f"{row['prefix']}/{name}"
            self._ground.objects.put(row["bucket"], key, file, md5, row["account"])
            self._ground.objects.vouch(row["bucket"], key, md5)
            self._processes.add_output(row["id"], row["bucket"], key)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the regular files below a folder by their names in it."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            name = os.fsencode(path.relative_to(folder)).decode(errors="replace")
            yield name, path


def _copy(source: Path, target: Path) -> str:
    """Copy a file; return the MD5 of its bytes in hex."""
    shutil.copyfile(source, target)
    with target.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
