"""The folder through which everything enters: list, claim, archive, reject, and how to drop."""

from orchestrator.spool.arrivals import Arrival, Arrivals, Deferred, Look
from orchestrator.spool.claims import (
    Claimed,
    Stuck,
    archive,
    archived,
    claim,
    leftovers,
    prepare,
    taken_ids,
)
from orchestrator.spool.content import BusyError, Content, RefusedError, open_drop
from orchestrator.spool.disk import is_full, make_folder
from orchestrator.spool.filesystem import (
    PROBE,
    Check,
    check_file_system,
    check_one_file_system,
)
from orchestrator.spool.names import asked_id, is_request, is_skipped, shown
from orchestrator.spool.producer import DropError, drop_copy, drop_file, drop_folder, drop_request
from orchestrator.spool.rejections import move_to_rejected, refusals, standing_reason, write_reason
from orchestrator.spool.rules import Rules
from orchestrator.spool.watch import Hints, Watch

__all__ = [
    "PROBE",
    "Arrival",
    "Arrivals",
    "BusyError",
    "Check",
    "Claimed",
    "Content",
    "Deferred",
    "DropError",
    "Hints",
    "Look",
    "RefusedError",
    "Rules",
    "Stuck",
    "Watch",
    "archive",
    "archived",
    "asked_id",
    "check_file_system",
    "check_one_file_system",
    "claim",
    "drop_copy",
    "drop_file",
    "drop_folder",
    "drop_request",
    "is_full",
    "is_request",
    "is_skipped",
    "leftovers",
    "make_folder",
    "move_to_rejected",
    "open_drop",
    "prepare",
    "refusals",
    "shown",
    "standing_reason",
    "taken_ids",
    "write_reason",
]
