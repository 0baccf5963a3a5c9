"""Debian's CalculiX decks, and what the solver's own authors hold to be their results."""

import gzip
import re
from pathlib import Path

import pytest

DECKS = Path("/usr/share/doc/calculix-ccx-test/examples/test")
SOLVED = (
    "achtel2",
    "aniso",
    "b31",
    "beam10p",
    "beam20p",
    "beam8b",
    "beam8f",
    "beamabq",
    "planestress",
    "truss",
)
FAILS = "beamcr"  # a restart deck: without its restart file the solver stops with an error
NUMBER = re.compile(r"[-+]?\d+\.\d+(?:E[-+]?\d+)?|[-+]?\d+")


def read(name: str) -> str:
    """Return a file of Debian's examples, which may be compressed."""
    plain = DECKS / name
    return plain.read_text() if plain.exists() else gzip.open(f"{plain}.gz", "rt").read()


def assert_solved(deck: str, dat: Path) -> None:
    """Hold every number of a result against the reference."""
    ours, theirs = _numbers(dat.read_text()), _numbers(read(f"{deck}.dat.ref"))
    assert len(ours) == len(theirs) > 0
    assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-6 * max(map(abs, theirs)))


def _numbers(text: str) -> list[float]:
    return [float(number) for number in NUMBER.findall(text)]
