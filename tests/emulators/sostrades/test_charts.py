"""Charts of emulated studies: as JSON, as a page, and as the whole study tells them."""

import json
import re

import pytest

from tests.emulators.sostrades.asking import Client
from tests.emulators.sostrades.replay import HERE

CALL = re.compile(r"Plotly\.newPlot\( +\"[^\"]+\", +(\[.*?\]), +(\{.*?\}), +\{\"responsive\"")


@pytest.fixture(scope="module")
def recorded() -> tuple[str, dict[str, list[dict[str, object]]]]:
    """Return the recorded page and the charts of the same study."""
    page = (HERE / "charts.html").read_text("utf-8")
    return page, json.loads((HERE / "charts.json").read_text("utf-8"))


def test_charts_show_the_numbers_that_were_computed(
    me: Client, recorded: tuple[str, dict[str, list[dict[str, object]]]]
) -> None:
    """A chart would be harvested that shows something else than the tables."""
    study = me.add("test_sellar_coupling", "all")
    assert me.get(f"post-processing/{study}").json()["all.SellarCoupling.Report"] == []
    me.execute(study)
    assert me.over(study) == "FINISHED"
    told = me.get(f"post-processing/{study}").json()
    charts = told["all.SellarCoupling.Report"]
    lines, bars = charts[0]["data"]
    rows = [it.split(",") for it in me.read(study, "SellarCoupling.Report.summary").split()[1:]]
    assert [[str(x), str(y)] for x, y in zip(lines["x"], lines["y"], strict=True)] == rows
    assert charts[0]["csv_data"][1] == f"{','.join(rows[0])},2020,1.5"
    assert (lines["type"], bars["type"]) == ("scatter", "bar")
    real = recorded[1]["charts.DiscMapCharts"][0]
    assert [list(it) for it in charts] == [list(real)] * 3
    assert list(bars) == list(real["data"][0])  # type: ignore[index]
    whole = me.get(f"study-case/{study}/read-only-mode").json()["post_processings"]
    assert whole["all.SellarCoupling.Report"][0]["post_processings"] == charts


def test_the_page_draws_the_same_charts(
    me: Client, recorded: tuple[str, dict[str, list[dict[str, object]]]]
) -> None:
    """A page would be kept that shows nothing, or the charts of another study."""
    study = me.add("test_sellar_coupling", "<b>name</b>")
    me.execute(study)
    assert me.over(study) == "FINISHED"
    page = me.get(f"post-processing/{study}/html").text
    charts = me.get(f"post-processing/{study}").json()["<b>name</b>.SellarCoupling.Report"]
    drawn = [(json.loads(data), json.loads(layout)) for data, layout in CALL.findall(page)]
    assert drawn == [(it["data"], it["layout"]) for it in charts]
    assert f"<h1>Chart for study case &lt;b&gt;name&lt;/b&gt; - {study}</h1>" in page
    for text in ('<div class="graph"', 'src="https://cdn.plot.ly/plotly-2.35.0.min.js"'):
        assert page.count(text) == len(charts)
        real = len(recorded[1]["charts.DiscMapCharts"])
        assert recorded[0].count(text) == real
