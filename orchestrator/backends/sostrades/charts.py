"""The page of charts, so that it opens without a network: what it loads lies beside it.

The service's page names a script on the network for each chart. It is taken from the package
`plotly` instead, which brings the same script for its own use.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

SCRIPT = "plotly.min.js"
_LOADED = re.compile(
    rb'<script\b[^<>]{0,200}\bsrc="https?://[^"<>]{1,200}/plotly[^"<>/]{0,50}\.js"[^<>]{0,200}>'
    rb"\s{0,20}</script>"
)
_LONGEST = 1024  # bytes of what may be one such tag
_OURS = f'<script charset="utf-8" src="{SCRIPT}"></script>'.encode()
_MAPS = b"""
<script>
// The background of a map comes from the network; without one the map is drawn on white.
if (!navigator.onLine) {
  const drawn = Plotly.newPlot;
  Plotly.newPlot = (place, data, layout, ...more) => {
    for (const [name, part] of Object.entries(layout || {}))
      if (/^map(box)?[0-9]*$/.test(name)) part.style = "white-bg";
    return drawn(place, data, layout, ...more);
  };
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
        cut = rest.rfind(b"<script", max(len(rest) - _LONGEST, 0))
        cut = len(rest) if cut < 0 else cut
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
