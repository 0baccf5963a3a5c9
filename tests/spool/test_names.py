"""Names: what is skipped, what is shown, what our producer makes of a name."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.ids import id_from_bits
from orchestrator.spool.names import asked_id, is_skipped, known_as, produced_name, shown

IDENT = id_from_bits(0x123456789ABCDEF)


@pytest.mark.parametrize(
    "name",
    [
        b".job.toml.Xq3h2a", b".hidden", b"job.toml.part", b"JOB.TOML.PART", b"job.toml~",
        b"job.tmp", b"job.toml.swp", b"Unconfirmed 1.crdownload", b"job.toml.filepart", b"#job#",
    ],
)  # fmt: skip
def test_what_is_not_finished_is_left_alone(name: bytes) -> None:
    """A temporary file of rsync, a browser or an editor would be refused and moved away."""
    assert is_skipped(name)


@pytest.mark.parametrize("name", [b"job.toml", b"tmp", b"part.yaml", b"a.tmp.toml", b"mesh.inp"])
def test_what_only_looks_alike_is_not_left_alone(name: bytes) -> None:
    """A job would lie in the spool for ever, without a word."""
    assert not is_skipped(name)


@given(st.binary(min_size=1, max_size=255))
def test_any_name_is_shown_on_one_harmless_line(name: bytes) -> None:
    """A name with an escape sequence would act on the terminal that shows it."""
    assert shown(name).isprintable()


@given(st.text(max_size=300), st.sampled_from([".toml", ".request.json", ""]))
def test_a_produced_name_is_a_good_name_and_carries_its_id(stem: str, suffix: str) -> None:
    """`submit` of a file with an odd name would fail, hide the drop, or lose its id."""
    name = produced_name(stem, IDENT, suffix)
    bare = os.fsencode(name)
    assert len(bare) <= 255
    assert not is_skipped(bare)
    assert Path(name).name == name
    assert asked_id(bare) == IDENT
    assert known_as(name).endswith(suffix)


@pytest.mark.parametrize(
    "name",
    [b"job.toml", b"job.orch-short.toml", b"job.orch-ilouilouilou.toml", b"\xff.orch-000000000000"],
)
def test_other_names_carry_no_id(name: bytes) -> None:
    """A name of the user's own would be taken for one of ours, and be taken half-written."""
    assert asked_id(name) is None
    assert known_as("beam.v2.toml") == "beam.v2.toml"
