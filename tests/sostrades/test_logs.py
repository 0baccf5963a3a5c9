"""What a study's log and its status tell."""

import pytest

from orchestrator.backend import ProtocolError
from orchestrator.backends.sostrades.logs import Log, cause, is_missing, log_of, unwritten
from orchestrator.backends.sostrades.status import State, state
from tests.sostrades.recorded import exchanges

NOW, BEFORE = "Sat, 21 Nov 2026 21:33:16 GMT", "Sat, 21 Nov 2026 21:31:52 GMT"
NAMED = {"content-disposition": "inline; filename=sc1-sce57-execution.log", "content-length": "9"}
LINE = "[2026-11-21 21:31:{:02},000] [worker: 7] {} ERROR in {}: {}"
OF_RUN, BESIDE, TOOL = "execution_engine_thread", "ontology_controller", "mda_chain"
CAUSES = {
    "52_logs": None,
    "92_logs_failed": "ValueError: Variable slow1.Slow.table : Value {'years': [2000], 'quantity':"
    " [7.0]} has not the type specified in datamanager which is dataframe",
    "A5_logs": None,
    "C6_logs": None,
    "E4_logs": "ValueError: asked to fail",
    "Q0_logs4": "ValueError: Variable alltypes.Disc1.y_array : Value [1.0, 2.0] has not the type"
    " specified in datamanager which is array",
    "failed.log": "ValueError: asked to fail",
}


def failure(second: int, where: str, *said: str) -> list[str]:
    """Return the lines of a log that tell of an exception."""
    trace = ["Traceback (most recent call last):", '  File "x.py", line 3, in run', "    raise it"]
    return [LINE.format(second, "x", where, "it went wrong"), *trace, "    ~~^^~~", *said]


def test_each_recorded_log_tells_why_it_failed() -> None:
    """A person would not be told why a calculation failed, or be told of something beside it."""
    found = {it.name: cause(it.body.decode()) for it in exchanges() if it.name in CAUSES}
    assert found == CAUSES


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], None),
        (["no log at all"], None),
        ([LINE.format(1, "x", OF_RUN, "all is well")], None),
        (failure(1, OF_RUN, "ValueError: one"), "ValueError: one"),
        ([*failure(1, OF_RUN, "ValueError: one"), *failure(2, TOOL, "KeyError: two")],
         "ValueError: one"),
        ([*failure(1, OF_RUN, "ValueError: one"), *failure(2, OF_RUN, "KeyError: two")],
         "KeyError: two"),
        ([*failure(1, TOOL, "ValueError: one"), *failure(2, TOOL, "KeyError: two")],
         "KeyError: two"),
        (failure(1, BESIDE, "ConnectionError: of words"), None),
        ([*failure(1, TOOL, "ValueError: one"), *failure(2, BESIDE, "ConnectionError: of words")],
         "ValueError: one"),
        (failure(1, OF_RUN, "ValueError: two", "lines", "", "of words"),
         "ValueError: two lines of words"),
        (failure(1, OF_RUN, "ValueError: one", "", "The above exception was the direct cause of the"
                 " following exception:", "", "Traceback (most recent call last):", '  File "y"',
                 "RuntimeError: last"), "RuntimeError: last"),
        (failure(1, OF_RUN, "ValueError: " + "x" * 900), "ValueError: " + "x" * 587 + "…"),
        (failure(1, OF_RUN), ""),
    ],
)  # fmt: skip
def test_the_exception_of_the_calculation_itself_is_the_cause(
    lines: list[str], why: str | None
) -> None:
    """A person would be told of a fault that did no harm."""
    assert cause("\n".join(lines)) == why


@pytest.mark.parametrize(
    ("headers", "still"),
    [
        ({"date": NOW, "last-modified": BEFORE}, 84.0),
        ({"date": f"{NOW}, {NOW}", "last-modified": BEFORE}, 84.0),
        ({"date": BEFORE, "last-modified": NOW}, 0.0),
        ({"date": NOW}, None),
        ({"last-modified": BEFORE}, None),
        ({"date": "today", "last-modified": BEFORE}, None),
        ({"date": NOW, "last-modified": "Sat, 99 Nov 2026 21:31:52 GMT"}, None),
    ],
)
def test_how_long_a_log_stands_still(headers: dict[str, str], still: float | None) -> None:
    """A dead calculation would be waited for without end, or a living one be held."""
    assert log_of(NAMED | headers, "there") == Log(1, 57, 9, still)


@pytest.mark.parametrize("name", ["", "inline", "inline; filename=sc1-sceNone-execution.log",
                                  "attachment; filename=execution.log"])  # fmt: skip
def test_a_log_of_no_execution_is_none(name: str) -> None:
    """Somebody's execution would be taken for the job's."""
    with pytest.raises(ProtocolError, match=r"^there: nothing tells which execution it is of$"):
        log_of({"content-disposition": name}, "there")


def test_the_name_of_a_log_may_be_quoted_and_its_length_unknown() -> None:
    """A server behind a proxy would be of no use."""
    headers = {"content-disposition": 'attachment; filename="sc12-sce345-execution.log"'}
    assert log_of(headers, "there") == Log(12, 345, 0, None)
    assert log_of(headers | {"content-length": "-1"}, "there").size == 0


@pytest.mark.parametrize("path", ["/logs/sc4-sceNone-execution.log", "/srv/x"])
def test_that_a_study_never_ran_is_told_in_two_ways(path: str) -> None:
    """A study that never ran would be asked for its log again and again."""
    said = f"[Errno 2] No such file or directory: '{path}'"
    assert is_missing(said)
    assert unwritten(said) is None
    assert not is_missing("The server encountered an internal error")


def test_a_log_that_is_not_written_tells_its_execution() -> None:
    """A calculation that waits for its pod would be taken for one that was never accepted."""
    said = "[Errno 2] No such file or directory: '/logs/sc4-sce57-execution.log'"
    assert is_missing(said)
    assert unwritten(said) == Log(4, 57, 0, None, written=False)


@pytest.mark.parametrize(
    ("word", "means"),
    [
        ("", State.NEVER),
        ("PENDING", State.BUSY),
        ("POD PENDING", State.BUSY),
        ("RUNNING", State.BUSY),
        ("FINISHED", State.FINISHED),
        ("FAILED", State.FAILED),
        ("POD ERROR", State.STOPPED),
        ("STOPPED", State.STOPPED),
        ("NOT EXECUTED", State.EDITED),
        ("finished", State.UNKNOWN),
        ("DONE", State.UNKNOWN),
    ],
)
def test_each_word_of_the_service_means_one_thing(word: str, means: State) -> None:
    """A calculation would be taken for another than it is."""
    assert state(word) is means
