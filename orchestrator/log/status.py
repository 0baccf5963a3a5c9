"""`status.log`: one line for every transition, made for `tail -f`.

The history table is the truth and this file its projection. The queue keeps a cursor, the number
of the last entry that surely stands in the file; after a crash the entries behind the cursor are
given again, and those that stand already are told by their own line, which ends in their number.
That is why a line is synced only before the cursor passes it.
"""

import os
import re
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.core.history import Entry
from orchestrator.log.escape import shorten
from orchestrator.log.growing import GrowingFile

SIZE = 10 << 20
KEEP = 5
_TAIL = 64 << 10  # bytes
_NUMBER = re.compile(rb"  #(\d{1,15})$", re.MULTILINE)
_REASON = 400  # characters; the whole reason is in the history


class StatusLog:
    """The open file. One writer, from one thread at a time."""

    def __init__(self, file: GrowingFile) -> None:
        self._file = file

    @classmethod
    def open(
        cls,
        path: Path,
        after_cursor: Sequence[Entry],
        *,
        size: int = SIZE,
        keep: int = KEEP,
        now: Callable[[], float] = time.monotonic,
    ) -> "StatusLog":
        """Open the file and append those of the entries after the cursor that it lacks.

        Give all of them: the file may be as far ahead of the cursor as the history is. A last
        line that a kill cut off is removed first, and so is what comes after lines that a power
        cut took. Raises OSError when the file cannot be opened
        or written.
        """
        log = cls(GrowingFile(path, size=size, keep=keep, now=now))
        log._file.cut_hole()
        last = log._file.last_line().decode(errors="replace")
        lines = [render(entry) for entry in after_cursor]
        standing = lines.index(last) + 1 if last in lines else 0
        if not log.append(after_cursor[standing:]):
            raise OSError(f"{path} could not be written")
        return log

    def append(self, entries: Sequence[Entry]) -> bool:
        """Append a line for each entry, all or none.

        False when there is no room: the cursor must stay, and the same entries be given again
        before any later one.
        """
        text = "".join(render(entry) + "\n" for entry in entries)
        return not text or self._file.write(text.encode())

    def sync(self) -> bool:
        """Bring all lines to the disk; False when that failed: the saved cursor must stay."""
        return self._file.sync()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def last_number(path: Path) -> int:
    """Return the highest number of an entry near the end of a status log, 0 without one."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            numbers = _NUMBER.findall(file.read())
    except FileNotFoundError:
        return 0
    return max(map(int, numbers), default=0)


def render(entry: Entry) -> str:
    """Return the line of one entry, without its end.

    In this order: time (UTC), job name, short job id and number of the run, backend, remote id,
    from → to, how long the first of these lasted, the reason, the number of the entry.
    """
    at = datetime.fromtimestamp(entry.at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    run = "-" if entry.run is None else str(entry.run)
    move = f"{entry.source or 'new':>10} → {entry.target:<10}"
    lasted = "-" if entry.lasted is None else _span(entry.lasted)
    return (
        f"{at}  {_word(entry.name, 64):<20}  {_word(entry.job[:8], 32)}/{run:<2}"
        f"  {_word(entry.backend, 64):<8}  {_word(entry.remote_id or '-', 48):<26}"
        f"  {move}  {lasted:>6}  {shorten(entry.reason, _REASON)}  #{entry.seq}"
    )


def _word(text: str, width: int) -> str:
    """Return foreign text as one word, so that it cannot pass for the columns after it."""
    return shorten(text, width).replace(" ", "\\x20")


def _span(seconds: float) -> str:
    """Return a span of time in few characters: 12.3s, 4m05s, 7h30m, 12d03h."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d{hours:02}h"
    if hours:
        return f"{hours}h{minutes:02}m"
    return f"{minutes}m{rest:02}s" if minutes else f"{seconds:.1f}s"
