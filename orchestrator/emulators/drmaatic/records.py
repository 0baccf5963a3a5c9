"""What is told of a run: nothing of what is not set."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic.dialects import OLD, Dialect
from orchestrator.emulators.drmaatic.rows import Rows
from orchestrator.emulators.ground import Ground

KEYS = "uuid {task} descendants depends_on dependency_type has_owner {text} {parent} {created} status files_name params"
OLD_KEYS = "uuid {task} descendants depends_on dependency_type {text} {parent} {created} status files_name params"
ADMIN_KEYS = "uuid {task} {text} {parent} descendants depends_on dependency_type sender_ip_addr status deleted drm_job_id files_name user {created} update_date params"


class Records:
    """How rows are shown."""

    def __init__(self, ground: Ground, dialect: Dialect, rows: Rows) -> None:
        self._ground, self._dialect, self._rows = ground, dialect, rows

    def record(self, row: Row, where: str, *, admin: bool) -> dict[str, Any]:
        """Return the record of a run, its keys in their order."""
        dialect, struck = self._dialect, self._ground.faults.strike("wrong-uuid", where)
        found = {
            "uuid": row["uuid"] if struck is None else str(uuid.uuid4()),
            dialect.task: row["entry"],
            dialect.description: row["description"],
            dialect.parent: row["parent"],
            "descendants": self._rows.below(row["uuid"]) or None,
            "depends_on": json.loads(row["depends"]),
            "dependency_type": row["dependency_type"],
            "has_owner": row["owner"] is not None,
            "sender_ip_addr": row["address"],
            "status": row["status"],
            "deleted": bool(row["deleted"]),
            "drm_job_id": None if row["drm"] is None else str(row["drm"]),
            "files_name": json.loads(row["files"]),
            "user": row["owner"],
            "creation_date": self._date(row["created"]),
            "update_date": self._date(row["updated"]),
            "params": json.loads(row["parameters"]),
        }
        keys = ADMIN_KEYS if admin else OLD_KEYS if dialect is OLD else KEYS
        words = {"task": dialect.task, "text": dialect.description, "parent": dialect.parent}
        names = keys.format(created="creation_date", **words).split()
        return {name: found[name] for name in names if found[name] is not None}

    def _date(self, seconds: float) -> str:
        zone = timezone(timedelta(hours=self._ground.dials["zone"]))
        return datetime.fromtimestamp(seconds, zone).isoformat(timespec="microseconds")
