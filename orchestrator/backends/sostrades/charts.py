"""The page of charts, so that it opens without a network: what it loads lies beside it.

The service's page names a script on the network for each chart. It is taken from the package
`plotly` instead, which brings the same script for its own use.

The background of a map is not kept: it is fetched when the page is looked at, and is white where
that fails; places and lines are drawn on it, texts beside them need its fonts and are left out.
Outlines of countries (`geo`, which is another kind of chart) come from the network altogether, and
without it such a chart stays empty. Formulas in TeX are shown as they are written.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SCRIPT = "plotly.min.js"
_LOADED = re.compile(
    rb"<script\s(?:[^<>]{0,400}\s)?src\s?=\s?[\"']?(?:https?:)?//[^<>]{1,800}>\s{0,20}</script\s{0,9}>"
)
_BEGUN = b"<script"
_LONGEST = 2048  # bytes of what may be one such tag
_OURS = f'<script charset="utf-8" src="{SCRIPT}"></script>'.encode()
_MAPS = b"""
<script>
// A map that cannot fetch its background may stay empty: it gets a white one instead.
{
  const fetched = window.fetch, fonts = "https://fonts.openmaptiles.org/{fontstack}/{range}.pbf";
  const layers = [{id: "white", type: "background", paint: {"background-color": "white"}}];
  const style = JSON.stringify({version: 8, sources: {}, glyphs: fonts, layers: layers});
  const tile = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAAC0lEQVR42" +
    "mNgAAIAAAUAAen63NgAAAAASUVORK5CYII=";  // one pixel of nothing
  window.fetch = (what, ...more) => fetched(what, ...more).catch(() => {
    const url = what.url || what;
    if (/\\.json(\\?|$)/.test(url)) return new Response(style);
    if (/\\.pbf(\\?|$)/.test(url)) return new Response("");
    return fetched(tile);
  });
}
</script>
"""


@cache
def script() -> Path:
    """Return where the script lies that draws the charts."""
    spec = find_spec("plotly")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(
            "the kind sostrades keeps the script that draws charts beside them, and needs the"
            " package plotly for it: pip install 'orchestrator[sostrades]'"
        )
    return Path(spec.submodule_search_locations[0]) / "package_data" / SCRIPT


@cache
def script_facts() -> tuple[int, str]:
    """Return size (bytes) and SHA-256 of the script."""
    content = script().read_bytes()
    return len(content), hashlib.sha256(content).hexdigest()


def offline(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield a page with each script from the network left out, and the one beside it loaded."""
    rest, loaded = b"", False
    for chunk in chunks:
        rest += chunk
        # What may be the beginning of a tag waits for its end.
        cut = rest.rfind(_BEGUN, max(len(rest) - _LONGEST, 0))
        cut = max(len(rest) - len(_BEGUN) + 1, 0) if cut < 0 else cut
        done, loaded = _rewritten(rest[:cut], loaded=loaded)
        rest = rest[cut:]
        if done:
            yield done
    done, loaded = _rewritten(rest, loaded=loaded)
    if done:
        yield done


def _rewritten(page: bytes, *, loaded: bool) -> tuple[bytes, bool]:
    """Return a piece of the page without scripts from the network, and whether ours is loaded."""
    parts = _LOADED.split(page)
    if len(parts) == 1:
        return page, loaded
    first = b"" if loaded else _OURS + _MAPS
    return parts[0] + first + b"".join(parts[1:]), True
