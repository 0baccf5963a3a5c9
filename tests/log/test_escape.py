"""Foreign text cannot act on a terminal, forge a line, or hide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.log import escape, shorten


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, ümläut, 日本", "plain text, ümläut, 日本"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("two\r\nlines", "two\\x0d\\x0alines"),
        ("\x9b31m", "\\x9b31m"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("zero\u200bwidth\ufeff", "zero\\u200bwidth\\ufeff"),
        ("line\u2028par\u2029\x85", "line\\u2028par\\u2029\\x85"),
        ("lone \udce9", "lone \\udce9"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("no-break\xa0space", "no-break\\xa0space"),
        ("already \\x1b", "already \\\\x1b"),
    ],
)
def test_each_kind_of_character(text: str, shown: str) -> None:
    """A job's output would move the cursor, set the title, or write a line of its own."""
    assert escape(text) == shown


anything = st.text(st.characters(exclude_categories=()))


@given(anything)
def test_one_printable_line_that_can_be_read_back(text: str) -> None:
    """Some character would slip through, or two texts would look the same."""
    shown = escape(text)
    assert shown.isprintable()
    assert shown.encode("raw_unicode_escape").decode("unicode_escape") == text


@given(anything, st.integers(1, 40))
def test_shortened_text_is_escaped_and_never_longer(text: str, width: int) -> None:
    """A cut would break an escape in two, or be invisible."""
    shown = shorten(text, width)
    assert len(shown) <= width
    assert shown.isprintable()
    assert shown == escape(text) or shown.endswith("…")
    assert escape(text).startswith(shown.removesuffix("…"))
