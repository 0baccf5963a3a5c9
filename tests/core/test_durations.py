"""Spans of time as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.durations import LONGEST, parse_duration


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, 90), (0.5, 0.5), (315_360_000, 315_360_000), (timedelta(hours=1), 3600),
        ("90s", 90), ("90 s", 90), (" 90 sec ", 90), ("90 seconds", 90), ("1second", 1),
        ("15 min", 900), ("15m", 900), ("1 minute", 60), ("2 minutes", 120), ("2mins", 120),
        ("1h30m", 5400), ("1h 30m", 5400), ("1H30M", 5400), ("1.5h", 5400), ("2 hrs", 7200),
        ("2 days", 172_800), ("1d", 86_400), ("1 w", 604_800), ("2 weeks", 1_209_600),
        ("250ms", 0.25), ("1m 1s 1ms", 61.001), ("30m 1h", 5400),
    ],
)  # fmt: skip
def test_spans_that_are_understood(value: object, seconds: float) -> None:
    """A job would be stopped too early or too late."""
    assert parse_duration(value) == timedelta(seconds=seconds)


FORM = 'expected a span of time such as "90s" or "1h30m"'
UNIT = 'expected a span of time with its unit (ms, s, min, h, d, w), such as "90s" or "1h30m"'
RANGE = "expected a span of time that is longer than zero and at most ten years"


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (True, FORM), (None, FORM), ([], FORM), ("", FORM), ("  ", FORM), ("soon", FORM),
        ("-5s", FORM), ("1,5h", FORM), ("5s!", FORM), ("s", FORM), ("PT5S", FORM),
        ("\u0661s", FORM),
        ("90", UNIT), ("1.5", UNIT), ("1h 30", UNIT), ("3 fortnights", UNIT), ("5 months", UNIT),
        ("1.5.5", FORM),
        (0, RANGE), (-1, RANGE), ("0s", RANGE), (1e-9, RANGE), (315_360_001, RANGE),
        ("521.5w", RANGE), (10**400, RANGE), (float("inf"), RANGE), (float("nan"), RANGE),
        ("9" * 400 + "s", RANGE), (timedelta(0), RANGE), (timedelta(days=-1), RANGE),
    ],
)  # fmt: skip
def test_spans_that_are_refused(value: object, says: str) -> None:
    """A limit that means nothing would be taken, or end in a traceback."""
    with pytest.raises(ValueError, match=r"^expected") as caught:
        parse_duration(value)
    assert str(caught.value) == says


@given(st.text() | st.floats() | st.integers())
def test_anything_else_is_a_span_or_refused(value: str | float) -> None:
    """An odd text would end the daemon with a traceback."""
    said = FORM
    span = LONGEST
    try:
        span = parse_duration(value)
    except ValueError as error:
        said = str(error)
    assert said in {FORM, UNIT, RANGE}
    assert timedelta(0) < span <= LONGEST
