"""What is told of a simulation."""

import hashlib
import hmac
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestrator.emulators.cloudhpc.simulations import ACTIVE, RUNNING
from orchestrator.emulators.database import Row
from orchestrator.emulators.ground import Ground

CPU_HOUR = 0.05  # what the use of one processor for one hour costs
UNKNOWN_STATUS = 70
SAID = 1 << 20  # bytes of each stream that are told, from the end


def record(ground: Ground, row: Row, where: str) -> dict[str, Any]:
    """Return the short record: what is not set is an empty text, and some numbers are texts."""
    spoiled = ground.faults
    id_, status = row["id"], row["status"]
    if spoiled.strike("foreign-id", where) is not None:
        id_ += random.randrange(1_000_000, 2_000_000)  # noqa: S311 - any other will do
    if status in ACTIVE and spoiled.strike("odd-status", where) is not None:
        status = UNKNOWN_STATUS
    found = {
        "id": id_,
        "user_id": row["user_id"],
        "cpu": row["cpu"],
        "ram": row["ram"],
        "nopre": row["nopre"],
        "folder": row["folder"],
        "mesh": row["mesh"],
        "script": row["script"],
        "clean": 0,
        "idate": _date(ground, row["added"]),
        "edate": _date(ground, row["ended"]),
        **_used(ground, row),
        "status": status,
        "logs": "",
        "images": [],
        "vnc_url": _screen(ground, row),
    }
    if spoiled.strike("texts-as-numbers", where) is not None and found["cost"]:
        found |= {name: float(found[name]) for name in ("cpu_hrs", "cost")}
    if spoiled.strike("numbers-as-texts", where) is not None:
        return {name: str(it) if isinstance(it, int) else it for name, it in found.items()}
    return found


def full(ground: Ground, row: Row, where: str) -> dict[str, Any]:
    """Return the whole record, with what the run said."""
    work, run = ground.work, str(row["id"])
    said = [work.said(run, stream, SAID) for stream in ("stdout", "stderr")]
    output = "".join([*said, row["remarks"]])
    return record(ground, row, where) | {"output": output, "logs": row["logs"]}


def _date(ground: Ground, seconds: float | None) -> str:
    """Return a date in the time of the server, wherever that stands: no zone is told."""
    if seconds is None:
        return ""
    local = datetime.fromtimestamp(seconds, UTC) + timedelta(hours=ground.dials["zone"])
    return local.strftime("%Y-%m-%d %H:%M:%S")


def _used(ground: Ground, row: Row) -> dict[str, str]:
    """Return the processor hours and what they cost, up to now."""
    seconds = row["used"]
    if row["begun"] is not None:
        seconds += (ground.clock.now() if row["ended"] is None else row["ended"]) - row["begun"]
    if not seconds:
        return {"cpu_hrs": "", "cost": ""}
    hours = row["cpu"] * seconds / 3600
    return {"cpu_hrs": f"{hours:.6f}", "cost": f"{hours * CPU_HOUR:.6f}"}


def _screen(ground: Ground, row: Row) -> str:
    """Return the address of the machine's screen while it runs: whoever has it can use it."""
    if row["status"] != RUNNING:
        return ""
    key = ground.objects.signing_key
    pass_ = hmac.new(key, f"screen {row['id']}".encode(), hashlib.sha256).hexdigest()[:32]
    if pass_ not in ground.given:
        ground.given.append(pass_)
    return f"https://vnc.invalid/{pass_}"
