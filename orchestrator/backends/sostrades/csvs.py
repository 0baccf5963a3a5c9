"""Values as the service shows them, in CSV: held against what was sent. Pure.

It writes a scalar as one column `value` with one row, a list as one column with a row for each
item, a dict as `variable,value`, a table with its own columns. So does pandas' to_csv:
None, NaN and an empty text are all an empty cell.

A table that is sent goes through pandas' read_csv first, and what is a literal of Python in a text
becomes its value: "[1,2]" is shown as "[1, 2]".
"""

import ast
import csv
import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import Any

from pydantic import JsonValue

from orchestrator.document import value_text

Row = Sequence[JsonValue]

_NOTHING = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
     "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
)  # fmt: skip
"""Cells of a table that pandas takes for nothing (read_csv, na_values) and writes as empty."""

_READ = 1e-12
"""The part of a number by which read_csv may be off, which looks at 17 digits, also of zeros: the
shortest text of a number is 0.0001 at the least, or has an exponent."""


def rows_of_value(value: JsonValue) -> Iterator[Row]:
    """Yield the rows that a value is shown as."""
    if isinstance(value, dict):
        yield ["variable", "value"]
        yield from ([name, one] for name, one in value.items())
    else:
        yield ["value"]
        yield from ([one] for one in (value if isinstance(value, list) else [value]))


def rows_of_lines(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the rows of a CSV, with blank lines left out. Raises ValueError for what is none."""
    try:
        yield from (row for row in csv.reader(lines, strict=True) if row)
    except csv.Error as error:
        raise ValueError(f"not a CSV: {error}") from None


def difference(sent: Iterable[Row], shown: Iterable[Sequence[str]], *, table: bool) -> str | None:
    """Return in words the first difference of a value from what is shown; None where it is one.

    With `table`, what was sent was a CSV itself, whose cells are all text. Raises ValueError for
    what is no CSV.
    """
    for line, (ours, theirs) in enumerate(zip_longest(sent, shown), 1):
        if ours is None or theirs is None:
            return (
                f"it has {f'more than {line - 1}' if ours is None else f'fewer than {line}'} lines"
            )
        if len(ours) != len(theirs):
            return f"line {line} has {len(theirs)} columns, not {len(ours)}"
        for one, cell in zip(ours, theirs, strict=True):
            if not (_same_cell(str(one), cell) if table else _same(one, cell)):
                where = f" in line {line}" if table or line > 2 else ""  # noqa: PLR2004 - behind the headers and a scalar
                return f"it reads {value_text(cell)}{where}, not {value_text(one)}"
    return None


def _same(value: JsonValue, cell: str) -> bool:
    """Whether a cell shows a value."""
    if value is None:
        return cell == ""
    if isinstance(value, bool):
        return cell == str(value)
    if isinstance(value, int | float):
        return bool(_number(cell) == value)
    if isinstance(value, str):
        return cell == value
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        return bool(ast.literal_eval(cell) == value)
    return False


def _same_cell(sent: str, cell: str) -> bool:
    """Whether a cell of a table is the same after the service has read and written it."""
    if sent == cell or (sent in _NOTHING and cell == ""):
        return True
    if sent.lower() in {"true", "false"}:
        return cell == sent.capitalize()
    number, shown = _number(sent), _number(cell)
    if isinstance(number, float) or isinstance(shown, float):
        with suppress(TypeError, OverflowError):
            return math.isclose(number, shown, rel_tol=_READ)
    if number is not None and number == shown:
        return True
    with suppress(ValueError, SyntaxError, MemoryError, RecursionError):
        return str(ast.literal_eval(sent)) == cell
    return False


def _number(cell: str) -> Any:
    for kind in (int, float):
        with suppress(ValueError):
            return kind(cell) if "_" not in cell else None
    return None
