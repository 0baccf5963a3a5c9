"""`orchestrator.jsonl` and stderr: structlog and the standard library's logging, in one place.

Nothing here ever raises into the daemon: a line that cannot be written is counted, and the count
is written when there is room again. Use structlog's plain methods, never its async ones.
"""

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from orchestrator.log.growing import GrowingFile
from orchestrator.log.masking import masker
from orchestrator.log.sink import Sink

SIZE = 10 << 20
KEEP = 5
# At INFO the first two log whole URLs, signatures and all; the third, what it does each time.
QUIET_LIBRARIES = ("httpx", "httpcore", "apscheduler")


@contextmanager
def logging_to(
    path: Path,
    *,
    secrets: Callable[[], Iterable[str]],
    level: int = logging.INFO,
    size: int = SIZE,
    keep: int = KEEP,
    stderr: int | None = None,
) -> Iterator[None]:
    """Log to the file at `path` and to stderr while the context is open.

    `secrets` gives the secrets known at the moment; they are masked in every line. `size` in
    bytes; `keep` rotated files. `stderr` is a descriptor. Raises OSError when the file cannot be
    opened.
    """
    file = GrowingFile(path, size=size, keep=keep, now=time.monotonic)
    sink = Sink(
        file, stderr=sys.stderr.fileno() if stderr is None else stderr, mask=masker(secrets)
    )
    root = logging.getLogger()
    level_before, handlers_before = root.level, root.handlers[:]
    root.handlers[:] = [_FromStandardLibrary(sink)]
    root.setLevel(level)
    for name in QUIET_LIBRARIES:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _into(sink),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    try:
        yield
    finally:
        structlog.reset_defaults()
        root.handlers[:] = handlers_before
        root.setLevel(level_before)
        file.close()


def _into(sink: Sink) -> structlog.typing.Processor:
    def take(_logger: Any, _method: str, event: structlog.typing.EventDict) -> str:
        sink.write(event)
        return ""

    return take


class _FromStandardLibrary(logging.Handler):
    """Passes what libraries log on to the sink."""

    def __init__(self, sink: Sink) -> None:
        super().__init__()
        self._sink = sink

    def emit(self, record: logging.LogRecord) -> None:
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001 - a library's wrong arguments are not our end
            message = str(record.msg)
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        event: dict[str, Any] = {
            "timestamp": at,
            "level": record.levelname.lower(),
            "event": message,
            "logger": record.name,
        }
        if record.exc_info:
            event["exc_info"] = record.exc_info
        self._sink.write(event)
