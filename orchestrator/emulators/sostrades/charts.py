"""The charts of a study, in the shape of Plotly, drawn from the values that it has now."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.emulators.sostrades.processes import Discipline, Process, below
from orchestrator.emulators.sostrades.values import TABLE, shown

Values = Mapping[str, Any]
Chart = dict[str, Any]
CLEAR = "rgba(255, 255, 255, 0)"


@dataclass(frozen=True, slots=True)
class Series:
    """What one line, or one row of bars, shows."""

    name: str
    x: Sequence[Any]
    y: Sequence[float]
    is_bar: bool = False


def of_study(name: str, process: Process, values: Values) -> dict[str, list[Chart]]:
    """Return the charts of every discipline that is asked for some, by its full name."""
    shown = [it for it in process.disciplines if it.shows]
    return {below(name, it.path): _of_discipline(it, values) for it in shown}


def _of_discipline(discipline: Discipline, values: Values) -> list[Chart]:
    """Return the charts of a discipline: none before it was executed."""
    return [it for name in discipline.charts if (it := DRAWN[name](values)) is not None]


def _out(values: Values) -> Chart | None:
    if values["Slow.out_table"] is None:
        return None
    columns = values["Slow.out_table"][TABLE]
    return _chart("out", "years", "quantity", Series("q", columns["years"], columns["quantity"]))


def _cost_per_year(values: Values) -> Chart | None:
    summary = values["SellarCoupling.Report.summary"]
    if summary is None:
        return None
    prices = values["SellarCoupling.Report.prices"][TABLE]
    columns = summary[TABLE]
    return _chart(
        "Cost per year", "years", "EUR",
        Series("cost", columns["years"], columns["cost"]),
        Series("price", prices["years"], prices["price"], is_bar=True),
    )  # fmt: skip


def _costs(values: Values) -> Chart | None:
    shares = values["SellarCoupling.Report.shares"]
    if shares is None:
        return None
    series = Series("share", list(shares), list(shares.values()), is_bar=True)
    return _chart("Costs", "what", "share", series, section="Details")


def _convergence(values: Values) -> Chart | None:
    history = values["SellarCoupling.residuals_history"]
    if history is None:
        return None
    columns = history[TABLE]
    series = Series("residual", columns["iteration"], columns["residual"])
    return _chart("Convergence", "iteration", "residual", series, section="Details")


DRAWN: dict[str, Callable[[Values], Chart | None]] = {
    "out": _out,
    "Cost per year": _cost_per_year,
    "Costs": _costs,
    "Convergence": _convergence,
}


def _chart(title: str, x: str, y: str, *series: Series, section: str = "") -> Chart:
    return {
        "data": [_bars(it) if it.is_bar else _line(it) for it in series],
        "layout": _layout(title, x, y),
        "csv_data": _csv(x, y, series),
        "logo_notofficial": False,
        "logo_official": False,
        "logo_work_in_progress": False,
        "post_processing_section_name": section,
        "post_processing_section_is_opened": False,
        "post_processing_is_key_chart": False,
        "is_pareto_trade_chart": False,
    }


def _line(it: Series) -> dict[str, Any]:
    return {"mode": "lines", "name": it.name, "visible": True, **_points(it), "type": "scatter"}


def _bars(it: Series) -> dict[str, Any]:
    return {"name": it.name, "orientation": "v", "visible": True, **_points(it), "type": "bar"}


def _points(it: Series) -> dict[str, Any]:
    return {"x": [shown(x) for x in it.x], "y": [shown(y) for y in it.y], "yaxis": "y"}


def _layout(title: str, x: str, y: str) -> dict[str, Any]:
    return {
        "title": {
            "text": f"<b>{title}</b>", "y": 0.9, "x": 0.5, "xanchor": "center", "yanchor": "top",
        },
        "xaxis": {"title": {"text": x}, "automargin": True},
        "yaxis": {"title": {"text": y}, "automargin": True},
        "yaxis2": {
            "title": {"text": ""}, "automargin": True, "anchor": "x", "overlaying": "y",
            "side": "right",
        },
        "legend": {
            "orientation": "h", "xanchor": "left", "yanchor": "top", "bgcolor": CLEAR,
            "bordercolor": CLEAR, "y": -0.2, "x": 0,
        },
        "font": {"family": "Arial", "size": 10, "color": "#7f7f7f"},
        "barmode": "group",
        "width": 600,
        "height": 450,
        "autosize": False,
    }  # fmt: skip


def _csv(x: str, y: str, series: Sequence[Series]) -> list[str]:
    """Return the numbers of a chart as lines of CSV, series beside series."""
    longest = max((len(it.x) for it in series), default=0)
    lines = [",".join(f"{it.name} {x},{it.name} {y}" for it in series)]
    for row in range(longest):
        cells = [f"{it.x[row]},{it.y[row]}" if row < len(it.x) else "," for it in series]
        lines.append(",".join(cells))
    return lines
