"""The stored page of charts in a real browser that reaches nobody."""

import json
import math
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from orchestrator.backends.sostrades import charts
from tests.sostrades.browser import Browser, browsing
from tests.sostrades.picture import Colour
from tests.sostrades.recorded import page

WIDTH, PATIENCE = 1100, 60.0
BLUE, RED, LINE = "rgb(99, 110, 250)", "rgb(239, 85, 59)", "rgb(31, 119, 180)"  # of Plotly
GROUND, WHITE = (229, 236, 246), (255, 255, 255)
POINTS = {(255, 0, 0), (255, 165, 0), (0, 0, 255), (0, 128, 0), (128, 0, 128)}
RAILS = (133, 193, 233)  # what connects them: blue that is seen through, on white
BACKGROUNDS = {"tile.openstreetmap.org", "basemaps.cartocdn.com", "fonts.openmaptiles.org",
               "unpkg.com"}  # fmt: skip
UNRESOLVED = "net::ERR_NAME_NOT_RESOLVED"
MAPS_OF_USGS = ("USGS Topo", "USGS Hydrography", "USGS Imagery", "USGS Imagery Topo",
                "USGS Shadded Relief")  # fmt: skip
MAPS = {2: POINTS | {RAILS}, 4: {(255, 0, 0)}}  # what is to be seen of the third and fifth chart
# A map whose whole style comes from the network, which is the usual one.
MAP = b""">
<div id="map" class="plotly-graph-div" style="width: 800px; height: 400px"></div><script>
Plotly.newPlot("map", [{type: "scattermap", lat: [40, 47], lon: [0, 3], text: ["a", "b"],
                        mode: "markers+text", marker: {size: 20, color: "rgb(255, 0, 0)"}}],
               {title: {text: "a map"}, map: {zoom: 2, center: {lat: 45, lon: 2}}});
</script></div>"""
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


@dataclass(frozen=True)
class Drawn:
    """What a browser shows of a page in a folder, chart by chart."""

    browser: Browser
    folder: Path
    charts: list[Any]


@contextmanager
def drawn(folder: Path, text: bytes, height: int) -> Iterator[Drawn]:
    """Store a page as a job's results have it, and open it."""
    (folder / "charts.html").write_bytes(b"".join(charts.offline([text])))
    (folder / charts.SCRIPT).symlink_to(charts.script())
    with browsing(folder / "browser") as browser:
        browser.open(folder / "charts.html", WIDTH, height)
        yield Drawn(browser, folder, browser.run(SEEN))


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawn]:
    """Open one page for all: bars, bars, a map, and a line that were recorded, and another map."""
    graph = b'<div class="graph"'
    parts = [*page("charts.html").split(graph)[:4], *page("51_postproc_html").split(graph)[1:], MAP]
    with drawn(tmp_path_factory.mktemp("page"), graph.join(parts), 3000) as there:
        yield there


@pytest.mark.needs("chromium")
def test_bars_are_drawn_as_high_as_their_values(there: Drawn) -> None:
    """The results of a job would have charts that are empty, or that show other values."""
    one, other, *_ = there.charts
    assert {"Network Statistics", "Statistics", "Values", "max_distance", "600"} <= {*one["words"]}
    wanted = {"Location Values Comparison", "Original Values", "Computed Values", "Port Facility"}
    assert wanted <= {*other["words"]}
    bars = [one["bars"], other["bars"][:6], other["bars"][6:]]
    for shown, heights in zip(bars, values(page("charts.html")), strict=True):
        scale = max(heights) / max(height for *_, height in shown)
        assert [height * scale for *_, height in shown] == pytest.approx(heights, abs=scale)
    assert [it[0] for shown in bars for it in shown] == [BLUE] * 11 + [RED] * 6
    look_at(there.browser, one)
    look_at(there.browser, other)


@pytest.mark.needs("chromium")
def test_a_line_is_drawn_with_its_axes(there: Drawn) -> None:
    """The results of a job would have charts that are empty."""
    chart = there.charts[3]
    assert {"out", "years", "quantity", "1982", "20"} <= {*chart["words"]}
    [(colour, *line)] = chart["lines"]
    assert colour == LINE
    assert line[2] > 300
    assert line[3] > 200
    assert number(colour) in there.browser.picture(*line).colours()


@pytest.mark.needs("chromium")
@pytest.mark.parametrize("place", MAPS, ids=["of pictures", "of a style"])
def test_a_map_shows_its_places_where_its_background_cannot_be_had(
    there: Drawn, place: int
) -> None:
    """A map would stay empty without a network."""
    [canvas] = there.charts[place]["maps"]
    assert wait_for(there.browser, canvas, MAPS[place]).most_common(1)[0][0] == WHITE


@pytest.mark.needs("chromium")
def test_only_the_backgrounds_of_maps_are_asked_for(there: Drawn) -> None:
    """A page would tell strangers that it was opened, or break off at a fault."""
    for place, wanted in MAPS.items():  # until then they may ask for more
        [canvas] = there.charts[place]["maps"]
        wait_for(there.browser, canvas, wanted)
    files = [there.folder / "charts.html", there.folder / charts.SCRIPT]
    asked = {it for it in there.browser.asked() if not it.startswith(("data:", "blob:"))}
    hosts = {urlsplit(it).hostname for it in asked - {it.as_uri() for it in files}}
    assert hosts <= BACKGROUNDS
    assert {it.rpartition(": ")[2] for it in there.browser.faults()} <= {UNRESOLVED}


@pytest.mark.long
@pytest.mark.needs("chromium")
def test_every_map_of_a_recorded_page_shows_its_places(tmp_path: Path) -> None:
    """As above, with all maps at once, whose pictures are missing early or late."""
    with drawn(tmp_path, page("charts.html"), 5000) as there:
        titles = ["map chart", *(f"Alternate Map View: {name}" for name in MAPS_OF_USGS)]
        for title, it in zip(titles, there.charts[2:], strict=True):
            assert {title, "Hub Locations", "Port Locations"} <= {*it["words"]}
            [canvas] = it["maps"]
            wait_for(there.browser, canvas, POINTS | {RAILS})


def values(text: bytes) -> list[list[float]]:
    """Return the values that a recorded page gives for its bars, by trace."""
    found = re.findall(r'"y":(\[[^]]*\]),"yaxis":"y","type":"bar"', text.decode())
    return [json.loads(one) for one in found]


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
