"""The value of a variable: JSON, in which a table or an array is an object with one odd name.

So a plain object that is written where a table belongs is kept, and found wrong only when the study
is executed: that is how the service has it.
"""

import csv
import io
import math
from collections.abc import Sequence
from typing import Any

TABLE, ARRAY = "://dataframe", "://ndarray"
Columns = dict[str, list[Any]]
# A number without a point is good enough for a float, as it is there.
PYTHON: dict[str, tuple[type, ...]] = {
    "float": (float, int), "int": (int,), "string": (str,), "bool": (bool,), "list": (list,),
    "dict": (dict,),
}  # fmt: skip


def table(columns: Columns) -> dict[str, Columns]:
    """Return a table of these columns."""
    return {TABLE: columns}


def array(numbers: Sequence[float]) -> dict[str, list[float]]:
    """Return an array."""
    return {ARRAY: list(numbers)}


def special(value: Any) -> str:
    """Return what a value is beside JSON: TABLE, ARRAY or nothing."""
    if isinstance(value, dict) and len(value) == 1:
        return next((name for name in (TABLE, ARRAY) if name in value), "")
    return ""


def fits(value: Any, type_: str) -> bool:
    """Return whether a value is of a type."""
    wanted = {"dataframe": TABLE, "array": ARRAY}.get(type_, "")
    if wanted or special(value):
        return special(value) == wanted
    return isinstance(value, PYTHON[type_])


def shown(value: Any) -> Any:
    """Return a value as JSON tells it: a table by a name only, no number as null."""
    if special(value):
        return special(value)
    return None if isinstance(value, float) and math.isnan(value) else value


def written(value: Any) -> str:
    """Return a value as CSV."""
    lines: list[Sequence[Any]]
    if special(value) == TABLE:
        columns: Columns = value[TABLE]
        lines = [list(columns), *zip(*columns.values(), strict=True)]
    elif special(value) == ARRAY or isinstance(value, list):
        lines = [["value"], *[[it] for it in (value[ARRAY] if special(value) else value)]]
    elif isinstance(value, dict):
        lines = [["variable", "value"], *value.items()]
    else:
        lines = [["value"], [value]]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([_cell(it) for it in line] for line in lines)
    return out.getvalue()


def read(data: bytes, type_: str) -> Any:
    """Return the value that a CSV file holds for a variable of a type. Raises ValueError."""
    lines = list(csv.reader(io.StringIO(data.decode())))
    if not lines:
        raise ValueError("No columns to parse from file")
    names, *rows = lines
    if any(len(row) > len(names) for row in rows):
        raise ValueError(f"Error tokenizing data. C error: Expected {len(names)} fields")
    filled = [row + [""] * (len(names) - len(row)) for row in rows if row]
    columns = {name: _column([row[i] for row in filled]) for i, name in enumerate(names)}
    if type_ == "dataframe":
        return table(columns)
    first = next(iter(columns.values()))
    if type_ == "array":
        return array(first)
    if type_ == "list":
        return first
    if type_ == "dict":
        if not {"variable", "value"} <= set(names):
            raise ValueError("'variable'")
        return {
            str(it): value for it, value in zip(columns["variable"], columns["value"], strict=True)
        }
    return table(columns)  # of no use, and found out when the study is executed


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    return str(value)


def _column(texts: list[str]) -> list[Any]:
    """Return what a column holds, by the narrowest type that all of it has."""
    if texts and set(texts) <= {"True", "False"}:
        return [it == "True" for it in texts]
    for kind in (int, float):
        try:
            return [kind(it or "nan") for it in texts]
        except ValueError:
            continue
    return [it or math.nan for it in texts]
