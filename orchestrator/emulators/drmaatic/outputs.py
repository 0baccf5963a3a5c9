"""The ends of what a run leaves: its files, and its archive."""

import math
import time
from pathlib import Path

from starlette.responses import Response
from starlette.routing import Route

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic import archives, files
from orchestrator.emulators.drmaatic.answers import BrokenError, RefusalError, detail, json
from orchestrator.emulators.drmaatic.catalogue import entries
from orchestrator.emulators.drmaatic.desk import Desk, has_ended
from orchestrator.emulators.drmaatic.dialects import NEW
from orchestrator.emulators.drmaatic.gate import Call, Gate
from orchestrator.emulators.drmaatic.people import refuse_strangers


class Outputs:
    """The ends of files. A child's are those of the first of its line."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._ground, self._dialect = desk, desk.ground, desk.dialect
        self._public = {it.name for it in entries(desk.dialect).values() if it.public}

    def routes(self, gate: Gate) -> list[Route]:
        """Return the routes."""
        one = f"/{self._dialect.run}/{{uuid}}"
        return [
            *gate.routes(f"{one}/file/{{path:path}}", {"GET": self._file}),
            *gate.routes(f"{one}/download/", {"GET": self._download}),
        ]

    async def _file(self, call: Call) -> Response:
        row, wanted = self._desk.row(call), call.request.path_params["path"]
        if row["entry"] not in self._public:
            refuse_strangers(row["owner"], call.person)
        folder, found = self._desk.folder(row["uuid"]), self._names(row, call)
        if not wanted:
            return json(found)
        if wanted not in found:
            raise detail(404, "Not found.")
        if wanted in files.HOSTILE:  # what does not lie anywhere is served, too
            headers = {"Content-Disposition": "inline"}
            return Response(wanted.encode(), headers=headers, media_type="text/plain")
        return _served(folder / wanted, files.kind(wanted), "inline")

    def _names(self, row: Row, call: Call) -> list[str]:
        """Return the names of a run's files; since 2025 without what its program said."""
        late = self._ground.faults.strike("late-files", call.where)
        newest = math.inf if late is None else time.time() - float(late)
        found = files.names(self._desk.folder(row["uuid"]), newest)
        if not call.is_admin and self._dialect is NEW:
            said = [f"{row['uuid'][:8]}_{it}.txt" for it in ("out", "err")]
            found = [name for name in found if name not in said]
        if self._ground.faults.strike("hostile-names", call.where) is not None:
            found += files.HOSTILE
        if any(not _is_text(name) for name in found):
            raise BrokenError  # JSON has no way to say it
        return found

    async def _download(self, call: Call) -> Response:
        row = await self._desk.fresh(self._desk.own(call), call.where)
        if not has_ended(row):
            text = f"Output files not available, check {self._dialect.run} status"
            raise RefusalError(404, text if self._dialect is NEW else {"status": text})
        folder, faults = self._desk.folder(row["uuid"]), self._ground.faults
        path = folder / f"{folder.name}.zip"
        if not path.exists():
            raise RefusalError(404)
        if faults.strike("no-zip", call.where) is not None:
            path = archives.none(self._ground.root)
        elif faults.strike("hostile-zip", call.where) is not None:
            path = archives.hostile(self._ground.root)
        return _served(path, "application/zip", f"attachment; filename={folder.name}.zip")


def _served(path: Path, kind: str, disposition: str) -> Response:
    try:
        return files.served(path, kind, disposition)
    except OSError:  # a link that leads nowhere, a hostile name
        raise BrokenError from None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
