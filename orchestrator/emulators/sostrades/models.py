"""What the processes compute. Values come and go by their names below the study.

A calculation is a process of its own, so this imports little.
"""

import math
from collections.abc import Callable
from typing import Any

from orchestrator.emulators.sostrades.lines import lines
from orchestrator.emulators.sostrades.sleeping import sleep
from orchestrator.emulators.sostrades.values import ARRAY, TABLE

Values = dict[str, Any]


def slow(values: Values, say: Callable[[str], None]) -> Values:
    """Sleep, then multiply a table, or fail. Raises ValueError."""
    say("slow disc start")
    sleep(values["Slow.sleep_s"])
    if values["Slow.fail"]:
        raise ValueError("asked to fail")
    columns = dict(values["Slow.table"][TABLE])
    columns["quantity"] = [it * values["Slow.factor"] for it in columns["quantity"]]
    say("slow disc end")
    return {
        "Slow.result": sum(columns["quantity"], 0.0),
        "Slow.out_table": {TABLE: columns},
        "Slow.nan_out": math.nan,
    }


def coupled(values: Values, _: Callable[[str], None]) -> Values:
    """Compute a line, then a power of it."""
    y = values["Disc1.a"] * values["x"] + values["Disc1.b"]
    return {"Disc1.y": y, "Disc2.z": values["Disc2.constant"] + y ** values["Disc2.power"]}


def all_types(values: Values, _: Callable[[str], None]) -> Values:
    """Compute a line."""
    return {"Disc1.y": values["Disc1.a"] * values["Disc1.x"] + values["Disc1.b"]}


def sellar(values: Values, say: Callable[[str], None]) -> Values:
    """Find the point at which two disciplines agree, then write the report. Raises ValueError."""
    at = "SellarCoupling."
    [x], [z1, z2] = values[f"{at}x"][ARRAY], values[f"{at}z"][ARRAY]
    guess = {name: values[f"{at}{name}"] or {ARRAY: [1.0]} for name in ("y_1", "y_2")}
    [y1], [y2] = guess["y_1"][ARRAY], guess["y_2"][ARRAY]
    residuals: list[float] = []
    for _ in range(values[f"{at}max_mda_iter"]):
        new1, new2 = z1**2 + z2 + x - 0.2 * y2, math.sqrt(y1) + z1 + z2
        residuals.append(math.hypot(new1 - y1, new2 - y2))
        y1, y2 = new1, new2
        if residuals[-1] <= values[f"{at}tolerance"]:
            break
    else:
        say("MDAJacobi has reached its maximum number of iterations, but the tolerance is not met.")
    found = {
        "y_1": y1, "y_2": y2, "c_1": 3.16 - y1, "c_2": y2 - 24.0,
        "obj": x**2 + z2 + y1 + math.exp(-y2),
    }  # fmt: skip
    history = {"iteration": list(range(1, len(residuals) + 1)), "residual": residuals}
    return {
        **{f"{at}{name}": {ARRAY: [value]} for name, value in found.items()},
        f"{at}residuals_history": {TABLE: history},
        **{
            f"{at}Report.{name}": it
            for name, it in _report(_of(f"{at}Report.", values), y1).items()
        },
    }


def _report(values: Values, y1: float) -> Values:
    """Return what a number costs over the years."""
    columns = values["prices"][TABLE]
    years = columns["years"][: values["horizon"]]
    factors = [*values["factors"], *[1.0] * len(years)]
    costs = [
        price * factor * values["scale"] * y1
        for _, price, factor in zip(years, columns["price"], factors, strict=False)
    ]
    if values["rounded"]:
        costs = [float(round(it)) for it in costs]
    total = sum(costs) if values["method"] == "sum" else sum(costs) / len(costs)
    whole = sum(values["costs"].values())
    return {
        "summary": {TABLE: {"years": years, "cost": costs}},
        "total": total,
        "note": f"{values['label']}: {values['method']} over {len(years)} years",
        "shares": {name: it / whole for name, it in values["costs"].items()},
        "curve": {ARRAY: [y1 + it for it in values["offsets"][ARRAY]]},
    }


def _of(path: str, values: Values) -> Values:
    """Return the values below a path."""
    return {name.removeprefix(path): it for name, it in values.items() if name.startswith(path)}


MODELS = {
    "slow_study": slow,
    "test_disc1_disc2_coupling": coupled,
    "test_sellar_coupling": sellar,
    "test_disc1_all_types": all_types,
    "lines": lines,
}
