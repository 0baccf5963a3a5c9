"""The page of charts, rewritten so that it opens without a network."""

import hashlib
import re
from collections.abc import Iterator

import pytest

from orchestrator.backends.sostrades import charts
from orchestrator.backends.sostrades.charts import offline
from tests.sostrades.recorded import page

OURS = b'<script charset="utf-8" src="plotly.min.js"></script>'
THEIRS = b'<script charset="utf-8" src="https://cdn.plot.ly/plotly-2.35.0.min.js"></script>'
INLINE = b"<script>window.PlotlyConfig = {MathJaxConfig: 'local'};</script>"
# By the release of plotly for Python that writes it, or by what is odd about it.
TAGS = {
    "3 and 4": b'<script src="https://cdn.plot.ly/plotly-latest.min.js"></script>',
    "5.0": b'<script src="https://cdn.plot.ly/plotly-2.0.0.min.js"></script>',
    "5.24": THEIRS,
    "6.3": b'<script charset="utf-8" src="https://cdn.plot.ly/plotly-3.1.0.min.js"'
    b' integrity="sha256-Ei4740bWZhaUTQuD6q9yQlgVCMPBz6CZWhevDYPv93A=" crossorigin="anonymous">'
    b"</script>",
    "an address of the server's own": b'<script src="http://10.0.0.7:8080/js/plotly.js"></script>',
    "formulas": b'<script src="https://cdnjs.cloudflare.com/ajax/libs/mathjax/2.7.5/MathJax.js'
    b'?config=TeX-AMS-MML_SVG"></script>',
    "another order": b'<script src="https://cdn.jsdelivr.net/npm/plotly.js-dist-min@2.35.2/plotly'
    b'.min.js" type="text/javascript" async></script>',
    "single quotes": b"<script type='text/javascript' src='https://cdn.plot.ly/plotly-2.8.3.min.js'>"
    b"</script>",
    "no quotes": b"<script defer src=https://cdn.plot.ly/plotly-2.8.3.min.js></script>",
    "no scheme": b'<script src="//cdn.plot.ly/plotly-2.8.3.min.js"></script>',
    "lines": b'<script\n  charset="utf-8"\n  src = "https://cdn.plot.ly/plotly-2.8.3.min.js"\n>\n'
    b"</script>",
}


def rewritten(*chunks: bytes) -> bytes:
    """Return what becomes of a page that comes in pieces."""
    return b"".join(offline(chunks))


def head() -> bytes:
    """Return what stands where the first script of the network was."""
    text = rewritten(THEIRS)
    assert text.startswith(OURS)
    return text


@pytest.mark.parametrize("tag", TAGS.values(), ids=TAGS)
def test_a_script_from_the_network_gives_way_to_the_one_beside_the_page(tag: bytes) -> None:
    """Without a network a page would stay empty that another release of Plotly has written."""
    assert rewritten(b"<p>before", tag, b"after</p>") == b"<p>before" + head() + b"after</p>"


def test_a_page_is_the_same_wherever_its_pieces_begin() -> None:
    """A script from the network would be left where a piece ends within its tag."""
    text = b"<p>" + INLINE + THEIRS + b"<b>one</b>" + INLINE + TAGS["6.3"] + b"<b>two</b></p> <scr"
    wanted = b"<p>" + INLINE + head() + b"<b>one</b>" + INLINE + b"<b>two</b></p> <scr"
    for cut in range(len(text) + 1):
        assert rewritten(text[:cut], text[cut:]) == wanted, cut
    for size in range(1, 100):
        assert rewritten(*(text[at : at + size] for at in range(0, len(text), size))) == wanted


def test_what_comes_is_passed_on_at_once() -> None:
    """A page of many megabytes would be held in memory as a whole."""
    piece = b"<div>" + b"x" * 5000 + b"</div>" + INLINE + b"{" * 3000
    sent, held = [], []

    def pieces() -> Iterator[bytes]:
        for _ in range(50):
            sent.append(piece)
            yield piece

    found = b""
    for one in offline(pieces()):
        found += one
        held.append(len(sent) * len(piece) - len(found))
    assert found == piece * 50
    assert max(held) < 2500


@pytest.mark.parametrize("name", ["charts.html", "51_postproc_html"])
def test_a_recorded_page_loads_nothing_from_the_network(name: str) -> None:
    """The page of a real server would stay empty without a network."""
    text = page(name)
    charted = text.count(THEIRS)
    found = rewritten(*(text[at : at + 4096] for at in range(0, len(text), 4096)))
    assert charted == text.count(b"Plotly.newPlot(") > 0
    assert found.count(OURS) == 1
    assert found == text.replace(THEIRS, head(), 1).replace(THEIRS, b"")
    assert re.findall(rb'<[^>]+\b(?:src|href)="(?!plotly\.min\.js")', found) == []
    assert found.index(OURS) < found.index(b"Plotly.newPlot(")


@pytest.mark.parametrize(
    "text",
    [
        page("57_postproc_html_never_run"),
        b"",
        b"<script>" + b"x" * 9000,
        INLINE * 3,
        b'<script src="plotly.min.js"></script><script src="/js/own.js"></script>',
        b'<a href="https://plot.ly/plotly.min.js">x</a><script>"src=https://x"</script>',
    ],
    ids=["no charts", "nothing", "no end", "inline", "relative", "a link"],
)
def test_a_page_without_such_scripts_stays_as_it_is(text: bytes) -> None:
    """What the service wrote would be stored changed."""
    assert rewritten(text) == text


def test_the_script_that_is_stored_is_plotlys() -> None:
    """The results would have a script of another size or hash than is told, or no script at all."""
    content = charts.script().read_bytes()
    assert charts.script_facts() == (len(content), hashlib.sha256(content).hexdigest())
    assert re.match(rb"/\*\*\n\* plotly\.js v2\.", content)
