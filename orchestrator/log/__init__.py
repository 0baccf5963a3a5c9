"""What happened, for people (`status.log`) and for programs (`orchestrator.jsonl`)."""

from orchestrator.log.escape import escape, shorten
from orchestrator.log.status import StatusLog, render
from orchestrator.log.structured import logging_to

__all__ = ["StatusLog", "escape", "logging_to", "render", "shorten"]
