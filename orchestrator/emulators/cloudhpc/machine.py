"""One machine: a folder of the storage comes to it, and what the run leaves goes back."""

import hashlib
import json
import os
from pathlib import Path

from anyio import to_thread

from orchestrator.emulators.cloudhpc import scripts, workplace
from orchestrator.emulators.cloudhpc.items import BUCKET, RESULTS, Items
from orchestrator.emulators.cloudhpc.scripts import ScriptError
from orchestrator.emulators.cloudhpc.workplace import ARCHIVES, FORBIDDEN
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground

MARK = "inputs.json"


class Machine:
    """What is done for one simulation; each step may be done again after a restart."""

    def __init__(self, ground: Ground, items: Items, row: Row) -> None:
        self._ground, self._items = ground, items
        self._run, self._script = str(row["id"]), str(row["script"])
        self._folder = str(row["folder"]).strip("/")

    async def furnish(self) -> None:
        """Bring the folder's files, and what they were, to an empty disk. Raises ScriptError."""
        objects, work = self._ground.objects, self._ground.work
        rows = [it for it in self._items.below(f"{self._folder}/") if it["blob"] is not None]
        if not rows or FORBIDDEN & set(self._folder):
            raise ScriptError(workplace.not_detected(self._folder))
        plain: dict[str, Path] = {}
        archives: list[Path] = []
        for row in rows:
            name = row["key"].removeprefix(f"{self._folder}/")
            if row["owner"] != RESULTS and "/" not in name and name.endswith(ARCHIVES):
                archives.append(objects.path(row))
            else:
                plain[name] = objects.path(row)
        work.clear(self._run)
        try:
            await to_thread.run_sync(workplace.furnish, self._disk, plain, archives)
        except FileNotFoundError:  # it was deleted this moment
            raise ScriptError(workplace.not_detected(self._folder)) from None
        before = await to_thread.run_sync(workplace.digests, self._disk)
        self._mark.write_text(json.dumps(before), "utf-8")

    def start(self) -> None:
        """Start the program, unless that was done before. Raises ScriptError."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self._disk)}
        words = scripts.command(self._script, self._disk)
        self._ground.work.start(self._run, words, environment | {"LANG": "C.UTF-8"})

    async def upload(self) -> int:
        """Put what is new or changed by now into the storage; return how many files that were."""
        before = json.loads(self._mark.read_text("utf-8"))
        keep = self._mark.with_name("kept")
        found = await to_thread.run_sync(workplace.results, self._script, self._disk, before, keep)
        for name, path in found.items():
            etag = await to_thread.run_sync(_md5, path)
            file = self._ground.objects.new_file()
            path.rename(file)
            self._ground.objects.put(BUCKET, f"{self._folder}/{name}", file, etag, RESULTS)
        return len(found)

    def discard(self) -> None:
        """Delete the results that lie in the folder."""
        below = self._items.below(f"{self._folder}/")
        self._items.remove([row for row in below if row["owner"] == RESULTS])

    @property
    def _disk(self) -> Path:
        return self._ground.work.files(self._run)

    @property
    def _mark(self) -> Path:
        return self._disk.with_name(MARK)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
