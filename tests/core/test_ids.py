"""Ids and keys: the same in every release, since they name folders and runs elsewhere."""

import pytest

from orchestrator.core.ids import REMOTE_ID_FORM, id_from_bits, is_id, is_remote_id, key_of


@pytest.mark.parametrize(
    ("bits", "spelled"),
    [
        (0, "000000000000"),
        (0b11111_00000_00001, "10z000000000"),
        (1 << 59, "00000000000g"),
        (2**64 - 1, "zzzzzzzzzzzz"),  # of more bits, those that fit
    ],
)
def test_bits_are_spelled_five_at_a_time(bits: int, spelled: str) -> None:
    """Ids would use fewer bits than are drawn, and meet; or the same drop would get another id."""
    assert id_from_bits(bits) == spelled
    assert id_from_bits(bits, length=8) == spelled[:8]


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("10z000000000", True),
        ("10z00000000", False),
        ("10z0000000000", False),
        ("10z00000000\n", False),
        ("10Z000000000", False),
        ("10u000000000", False),
        ("", False),
    ],
)
def test_a_whole_id_is_told_from_a_prefix_and_from_a_name(text: str, *, whole: bool) -> None:
    """A foreign folder would be taken for a job's, or a job's own for a foreign one."""
    assert is_id(text) is whole


@pytest.mark.parametrize(
    ("text", "sane"),
    [
        ("4711", True),
        ("a", True),
        ("Z" + 199 * "9", True),
        ("z" + 200 * "0", False),
        ("0AZaz09._:/@+=~-", True),
        ("", False),
        (" 7", False),
        ("7 ", False),
        ("7\n", False),
        ("-7", False),
        (".7", False),
        ("a\x1b[0m", False),
        ("a\u0661", False),
        ('a"b', False),
    ],
)
def test_a_backends_name_for_a_run_is_told_from_a_slip(text: str, *, sane: bool) -> None:
    """What was pasted with a blank or a whole table in it would be asked for for ever."""
    assert is_remote_id(text) is sane
    assert REMOTE_ID_FORM.startswith("expected 1 to 200 letters, digits and . _ : / @ + = ~ -")


def test_the_key_names_the_home_and_the_run() -> None:
    """A run under way would not be found again after an update."""
    assert key_of("homehome", "10z000000000") == "orch-homehome-10z000000000"
