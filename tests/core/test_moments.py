"""Moments as people write them."""

from datetime import UTC, datetime

import pytest

from orchestrator.core.moments import parse_moment

EVENING = datetime(2027, 1, 31, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2027-01-31T18:00:00Z",
        "2027-01-31t18:00:00z",
        "2027-01-31 18:00Z",
        "2027-01-31T19:00:00.000+01:00",
        "2027-01-31T12:30:00-05:30",
    ],
)
def test_the_same_moment_in_its_spellings(text: str) -> None:
    """A deadline that a person wrote in another zone or spelling would come hours off, or not."""
    assert parse_moment(text) == EVENING


@pytest.mark.parametrize(
    "value",
    [
        "1", "100", "1800000000", "1e9", "2027", "20270131T180000Z", 5, 1.5, True, None, ["x"],
        "2027-01-31", "2027-01-31T18:00:00", "2027-02-30T18:00:00Z", "2027-01-31T25:00:00Z",
        "٢٠٢٧-01-31T18:00:00Z", "2027-01-31T18:00:00Z\n", "tomorrow", "",
    ],
)  # fmt: skip
def test_what_is_no_moment(value: object) -> None:
    """A number would be taken for a moment in 1970, and the job be cancelled as too late."""
    with pytest.raises(ValueError, match=r"^expected a date and time with its offset, such as "):
        parse_moment(value)


@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_the_ends_of_the_calendar(text: str) -> None:
    """`status` and `explain` could not show such a deadline, and would end in a traceback."""
    with pytest.raises(ValueError, match="in the years 1971 to 9998"):
        parse_moment(text)
