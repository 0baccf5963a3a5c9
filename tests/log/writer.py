"""A daemon in small: a history, a cursor that is saved now and then, a status log."""

import json
from itertools import count
from pathlib import Path

from orchestrator.core.history import Entry
from orchestrator.core.lifecycle import Shown
from orchestrator.log import StatusLog

HISTORY = [
    Entry(n, 1.8e9, "0123456789ab", "beam", 1, "local", "1", Shown.QUEUED, Shown.STAGING, 0.0, "go")
    for n in range(1, 22)
]
BATCH = 3
CURSOR_EVERY = 2  # batches
LIMIT = 700  # bytes: a rotation every other batch


def follow(folder: Path, there: int) -> None:
    """Project the history from the saved cursor on, saving the cursor late, as the queue does.

    `there` entries are in the history at the start; the others come in batches.
    """
    saved = folder / "cursor"
    cursor = json.loads(saved.read_text()) if saved.exists() else 0
    seconds = count(0, 10)  # a clock by which every line comes after a quiet second
    log = StatusLog.open(
        folder / "status.log",
        HISTORY[cursor:there],
        size=LIMIT,
        keep=50,
        now=lambda: next(seconds),
    )
    rest = HISTORY[there:]
    for number, start in enumerate(range(0, len(rest), BATCH)):
        batch = rest[start : start + BATCH]
        assert log.append(batch)
        if number % CURSOR_EVERY == 0:
            saved.with_name("new").write_text(str(batch[-1].seq))
            saved.with_name("new").replace(saved)
    log.close()


def numbers(folder: Path) -> list[int]:
    """Return the numbers of all entries in the log and its rotated files, oldest first."""
    rotated = sorted(folder.glob("status.log.[0-9]*"), key=lambda path: -int(path.suffix[1:]))
    text = "".join(path.read_text() for path in [*rotated, folder / "status.log"])
    return [int(line.rpartition("#")[2]) for line in text.splitlines()]
