"""How things look on a terminal: times, spans, columns, colours. Foreign text is escaped here."""

import os
import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from orchestrator.core.lifecycle import Shown
from orchestrator.log.escape import escape

COLOURS = {
    Shown.SUCCEEDED: "green",
    Shown.FAILED: "red",
    Shown.REJECTED: "red",
    Shown.HELD: "yellow",
    Shown.UNKNOWN: "yellow",
}
GAP = "  "


def say(text: str = "") -> None:
    """Print one line of an answer."""
    click.echo(text)


def note(text: str) -> None:
    """Print one line beside the answer, to stderr, where no pipe takes it for the answer."""
    click.echo(text, err=True)


def moment(wall: float) -> str:
    """Return a wall-clock time in this machine's time zone."""
    return datetime.fromtimestamp(wall, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def span(seconds: float) -> str:
    """Return a span of time in words, to two units: 0.4 s, 12 s, 3 min 20 s, 2 d 4 h."""
    seconds = max(seconds, 0.0)
    if seconds < 10:  # noqa: PLR2004 - below, a whole second is too coarse
        return f"{seconds:.1f} s"
    total = round(seconds)
    for large, size, small, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60)):
        if total >= size:
            return _two(total // size, large, total % size // part, small)
    return f"{total} s" if total < 60 else _two(total // 60, "min", total % 60, "s")  # noqa: PLR2004


def _two(many: int, large: str, few: int, small: str) -> str:
    return f"{many} {large} {few} {small}" if few else f"{many} {large}"


def word(shown: Shown, width: int = 0) -> str:
    """Return the word for where a job stands, padded, in its colour where colours are wanted."""
    return coloured(f"{shown:<{width}}", COLOURS.get(shown))


def coloured(text: str, colour: str | None) -> str:
    """Return the text in a colour, where colours are wanted."""
    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    return click.style(text, fg=colour) if colour and wanted else text


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns. On a terminal, the last column is cut to the width that is left."""
    if not rows:
        return
    shown = [[escape(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heads, *shown, strict=True)]
    left = sum(widths[:-1]) + len(GAP) * (len(widths) - 1)
    room = max(shutil.get_terminal_size().columns - left, 20) if sys.stdout.isatty() else None
    say(_line(heads, widths, room))
    for row in shown:
        say(_line(row, widths, room))


def _line(cells: Sequence[str], widths: Sequence[int], room: int | None) -> str:
    *first, last = cells
    padded = [_cell(cell, width) for cell, width in zip(first, widths[:-1], strict=True)]
    if room is not None and len(last) > room:
        last = last[: room - 1] + "…"
    return GAP.join([*padded, last]).rstrip()


def _cell(cell: str, width: int) -> str:
    return word(Shown(cell), width) if cell in COLOURS else f"{cell:<{width}}"


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Print names with their values beneath each other; the values are escaped."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        say(f"{name:<{width}}{GAP}{escape(value)}")
