"""What the headers of a log tell, as they were recorded of the real service at release 5.3.4."""

import pytest

from orchestrator.backend import ProtocolError
from orchestrator.backends.sostrades.logs import Log, log_of

DATE = "Sat, 21 Nov 2026 21:42:39 GMT"
HEADERS = {
    "date": f"{DATE}, {DATE}",  # the service gives it twice
    "content-disposition": "inline; filename=sc1-sce9-execution.log",
    "content-length": "2471",
    "last-modified": "Sat, 21 Nov 2026 21:42:11 GMT",
}


def test_a_log_tells_for_how_long_it_stands_still() -> None:
    """A dead calculation would be followed for ever, because its date comes twice."""
    assert log_of(HEADERS, "there") == Log(study=1, execution=9, size=2471, still_for=28.0)
    once = log_of(HEADERS | {"date": DATE}, "there")
    assert once.still_for == 28.0


@pytest.mark.parametrize("missing", ["date", "last-modified"])
def test_without_a_date_nothing_is_called_still(missing: str) -> None:
    """A job would be held because a proxy takes a header away."""
    told = {name: it for name, it in HEADERS.items() if name != missing}
    assert log_of(told, "there").still_for is None
    assert log_of(HEADERS | {missing: "soon"}, "there").still_for is None


@pytest.mark.parametrize("name", ["", "inline", "inline; filename=sc1-sceNone-execution.log"])
def test_a_log_without_a_number_is_no_answer(name: str) -> None:
    """Another file would be taken for the log of a calculation."""
    with pytest.raises(ProtocolError, match="nothing tells which execution it is of"):
        log_of(HEADERS | {"content-disposition": name}, "there")
