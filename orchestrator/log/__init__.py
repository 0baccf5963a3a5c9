"""What happened, for people (`status.log`) and for programs (`orchestrator.jsonl`)."""

from typing import TYPE_CHECKING, Any

from orchestrator.log.escape import escape, shorten
from orchestrator.log.status import StatusLog, render

if TYPE_CHECKING:
    from orchestrator.log.structured import logging_to

__all__ = ["StatusLog", "escape", "logging_to", "render", "shorten"]


def __getattr__(name: str) -> Any:
    """Import structlog only where a log is opened: commands that look need no more than escape."""
    if name == "logging_to":
        from orchestrator.log.structured import logging_to  # noqa: PLC0415 - said above

        return logging_to
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
