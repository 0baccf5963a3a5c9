"""What is told of a run: nothing of what is not set."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from orchestrator.emulators.database import Row
from orchestrator.emulators.drmaatic.dialects import OLD, Dialect
from orchestrator.emulators.drmaatic.rows import Rows


def record(dialect: Dialect, rows: Rows, row: Row, zone: float) -> dict[str, Any]:
    """Return everything that is known of a run; `zone` is in hours ahead of UTC."""
    return {
        "uuid": row["uuid"],
        dialect.task: row["entry"],
        dialect.description: row["description"],
        dialect.parent: row["parent"],
        "descendants": rows.below(row["uuid"]) or None,
        "depends_on": json.loads(row["depends"]),
        "dependency_type": row["dependency_type"],
        "has_owner": row["owner"] is not None,
        "sender_ip_addr": row["address"],
        "status": row["status"],
        "deleted": bool(row["deleted"]),
        "drm_job_id": None if row["drm"] is None else str(row["drm"]),
        "files_name": json.loads(row["files"]),
        "user": row["owner"],
        "creation_date": _date(row["created"], zone),
        "update_date": _date(row["updated"], zone),
        "params": json.loads(row["parameters"]),
    }


def shown(dialect: Dialect, found: Mapping[str, Any], *, admin: bool) -> dict[str, Any]:
    """Return what somebody may see of it, in the order of the dialect."""
    keys = _admin_keys(dialect) if admin else _keys(dialect)
    return {name: found[name] for name in keys if found[name] is not None}


def _keys(dialect: Dialect) -> list[str]:
    owner = [] if dialect is OLD else ["has_owner"]
    return [
        "uuid", dialect.task, "descendants", "depends_on", "dependency_type", *owner,
        dialect.description, dialect.parent, "creation_date", "status", "files_name", "params",
    ]  # fmt: skip


def _admin_keys(dialect: Dialect) -> list[str]:
    return [
        "uuid", dialect.task, dialect.description, dialect.parent, "descendants", "depends_on",
        "dependency_type", "sender_ip_addr", "status", "deleted", "drm_job_id", "files_name",
        "user", "creation_date", "update_date", "params",
    ]  # fmt: skip


def _date(seconds: float, zone: float) -> str:
    there = timezone(timedelta(hours=zone))
    return datetime.fromtimestamp(seconds, there).isoformat(timespec="microseconds")
