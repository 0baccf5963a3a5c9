"""A process of our own, for tests: its tables are as long, and its runs as good, as it is told."""

from collections.abc import Callable
from typing import Any

from orchestrator.emulators.sostrades.processes import (
    COUPLING,
    COUPLING_MODEL,
    Discipline,
    Process,
    Variable,
    of_coupling,
    of_discipline,
)
from orchestrator.emulators.sostrades.sleeping import sleep
from orchestrator.emulators.sostrades.values import TABLE, table

OUTPUTS = ("out", "out.bin", "out.dat", "a.dat", "scratch.dat", "b")
TEXT = "every line is as long as the others: " + "äß€ -+;:<>|~^" * 14  # 272 bytes
LINES = Process(
    "lines", "livelab.sos_processes", "lines",
    (
        Discipline("", COUPLING_MODEL, of_coupling(), COUPLING),
        Discipline(
            "Lines", "livelab.lines_disc",
            (
                Variable("name", "string", ""),
                Variable("count", "int", 0, "-"),
                Variable("table", "dataframe", table({"line": [], "text": []}), "-"),
                Variable("message", "string", ""),
                Variable("waits", "bool", value=False, unit="-"),
                *of_discipline(),
                *(Variable(name, "dataframe", None, "-", output=True) for name in OUTPUTS),
            ),
        ),
    ),
)  # fmt: skip


def lines_of(count: int) -> dict[str, list[Any]]:
    """Return the columns of a table with so many lines."""
    return {"line": [*range(count)], "text": [TEXT] * count}


def lines(values: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
    """Fail with the message, if there is one. Else fill the output that is named, if one is.

    It gets the table as it was given, or else as many lines as were counted. Raises ValueError.
    """
    if values["Lines.waits"]:
        say("waits until it is woken")
        sleep()
    if values["Lines.message"]:
        raise ValueError(values["Lines.message"])
    given = values["Lines.table"]
    filled = given if any(given[TABLE].values()) else table(lines_of(values["Lines.count"]))
    name = values["Lines.name"]
    return {f"Lines.{name}": filled} if name else {}
