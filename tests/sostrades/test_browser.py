"""The stored page of charts in a real browser that reaches nobody."""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.backends.sostrades import charts
from tests.sostrades.browser import Browser, browsing
from tests.sostrades.picture import Colour
from tests.sostrades.recorded import page

WIDTH, HEIGHT, PATIENCE = 1100, 5000, 60.0
BLUE, RED, LINE = "rgb(99, 110, 250)", "rgb(239, 85, 59)", "rgb(31, 119, 180)"  # of Plotly
GROUND, WHITE = (229, 236, 246), (255, 255, 255)
POINTS = {(255, 0, 0), (255, 165, 0), (0, 0, 255), (0, 128, 0), (128, 0, 128)}
RAILS = (133, 193, 233)  # what connects them: blue that is seen through, on white
MAPS_OF_USGS = ("USGS Topo", "USGS Hydrography", "USGS Imagery", "USGS Imagery Topo",
                "USGS Shadded Relief")  # fmt: skip
# A map whose whole style comes from the network, which is the usual one.
MAP = b"""<html><body>
<script charset="utf-8" src="https://cdn.plot.ly/plotly-2.35.0.min.js"></script>
<div id="map" class="plotly-graph-div" style="width: 800px; height: 400px"></div><script>
Plotly.newPlot("map", [{type: "scattermap", lat: [40, 47], lon: [0, 3], text: ["a", "b"],
                        mode: "markers+text", marker: {size: 20, color: "rgb(255, 0, 0)"}}],
               {title: {text: "a map"}, map: {zoom: 2, center: {lat: 45, lon: 2}}});
</script></body></html>"""
SEEN = """
(() => {
  const box = it => { const {x, y, width, height} = it.getBoundingClientRect();
                      return [x, y, width, height]; };
  const all = (it, what) => [...it.querySelectorAll(what)];
  return all(document, ".plotly-graph-div").map(it => ({
    box: box(it),
    words: all(it, "text").map(one => one.textContent),
    ground: all(it, "rect.bg").map(box),
    bars: all(it, ".bars path").map(one => [getComputedStyle(one).fill, ...box(one)]),
    lines: all(it, ".scatterlayer path.js-line").map(one => [getComputedStyle(one).stroke,
                                                            ...box(one)]),
    maps: all(it, "canvas.maplibregl-canvas").map(box),
  }));
})()
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Start one browser for all: it takes a second."""
    with browsing(tmp_path_factory.mktemp("browser") / "new") as browser:
        yield browser


def seen(browser: Browser, folder: Path, text: bytes) -> list[Any]:
    """Store a page as a job's results have it, open it, and return what is drawn of its charts."""
    (folder / "charts.html").write_bytes(b"".join(charts.offline([text])))
    (folder / charts.SCRIPT).symlink_to(charts.script())
    browser.open(folder / "charts.html", WIDTH, HEIGHT)
    found = browser.run(SEEN)
    assert isinstance(found, list)
    return found


def values(text: bytes) -> list[list[float]]:
    """Return the heights that a recorded page gives for its bars, by trace."""
    found = re.findall(r'"y":(\[[^]]*\]),"yaxis":"y","type":"bar"', text.decode())
    return [json.loads(one) for one in found]


@pytest.mark.needs("chromium")
def test_every_chart_of_a_recorded_page_is_drawn_without_a_network(
    browser: Browser, tmp_path: Path
) -> None:
    """The results of a job would have charts that are empty, or that show other values."""
    text = page("charts.html")
    one, other, *maps = seen(browser, tmp_path, text)
    assert {"Network Statistics", "Statistics", "Values", "max_distance", "600"} <= {*one["words"]}
    wanted = {"Location Values Comparison", "Original Values", "Computed Values", "Port Facility"}
    assert wanted <= {*other["words"]}
    bars = [one["bars"], other["bars"][:6], other["bars"][6:]]
    for shown, heights in zip(bars, values(text), strict=True):
        scale = max(heights) / max(height for *_, height in shown)
        assert [height * scale for *_, height in shown] == pytest.approx(heights, abs=scale)
    assert [it[0] for shown in bars for it in shown] == [BLUE] * 11 + [RED] * 6
    look_at(browser, one)
    look_at(browser, other)
    titles = ["map chart", *(f"Alternate Map View: {name}" for name in MAPS_OF_USGS)]
    for title, it in zip(titles, maps, strict=True):
        assert {title, "Hub Locations", "Port Locations"} <= {*it["words"]}
        [canvas] = it["maps"]
        wait_for(browser, canvas, POINTS | {RAILS})


@pytest.mark.needs("chromium")
def test_a_line_is_drawn_and_nothing_is_asked_of_anybody(browser: Browser, tmp_path: Path) -> None:
    """A page would tell a stranger that it was opened, or show faults."""
    [chart] = seen(browser, tmp_path, page("51_postproc_html"))
    assert {"out", "years", "quantity", "1982", "20"} <= {*chart["words"]}
    [(colour, *line)] = chart["lines"]
    assert colour == LINE
    assert line[2] > 300
    assert line[3] > 200
    assert number(colour) in dict(browser.picture(*line).colours())
    assert browser.faults() == []
    files = {tmp_path / "charts.html", tmp_path / charts.SCRIPT}
    assert {it for it in browser.asked() if not it.startswith("data:")} == {
        it.as_uri() for it in files
    }


@pytest.mark.needs("chromium")
def test_a_map_is_drawn_on_white_whose_style_cannot_be_had(
    browser: Browser, tmp_path: Path
) -> None:
    """Without a network the places on the usual map would not be seen."""
    [it] = seen(browser, tmp_path, MAP)
    assert "a map" in it["words"]
    [canvas] = it["maps"]
    found = wait_for(browser, canvas, {(255, 0, 0)})
    assert found.most_common(1)[0][0] == WHITE
    assert any("style.json" in one for one in browser.asked())


def look_at(browser: Browser, chart: Any) -> None:
    """Look whether each bar has its colour all over, and what is above it that of the ground."""
    left, top, *size = chart["box"]
    picture = browser.picture(left, top, *size)
    for colour, x, y, width, height in chart["bars"]:
        sides = math.ceil(x - left) + 1, math.floor(x - left + width) - 1
        first, last = math.ceil(y - top) + 1, math.floor(y - top + height) - 1
        if first < last:
            assert set(picture.colours(sides[0], first, sides[1], last)) == {number(colour)}
        above = picture.colours(sides[0], first - 5, sides[1], first - 3)
        assert GROUND in above


def wait_for(browser: Browser, box: list[float], wanted: set[Colour]) -> Counter[Colour]:
    """Look at a place until it has all colours: a map is drawn a while after the page is there."""
    end = time.monotonic() + PATIENCE
    while True:
        found = browser.picture(*box).colours()
        if wanted <= set(found):
            return found
        assert time.monotonic() < end, found.most_common(20)


def number(colour: str) -> Colour:
    """Return a colour as a picture has it, such as that of rgb(1, 2, 3)."""
    red, green, blue = map(int, re.findall(r"\d+", colour))
    return red, green, blue
