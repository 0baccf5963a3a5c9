"""The table of planted faults still fits the code: planting them takes minutes, this does not."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MUTANTS = tomllib.loads((ROOT / "tests/mutants.toml").read_text())["mutant"]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda it: it["name"])
def test_it_can_be_planted_and_somebody_is_to_catch_it(mutant: Mapping[str, str]) -> None:
    """A change would make a fault unplantable, or its test go by another name, unnoticed."""
    assert (ROOT / mutant["file"]).read_text().count(mutant["text"]) == 1
    file, *inside = re.sub(r"\[.*", "", mutant["test"]).split("::")
    tests = (ROOT / file).read_text()
    for name in inside:
        found = re.search(rf"(def|class) {name}\b", tests)
        assert found or (name == inside[-1] and len(inside) > 1), name  # or inherited


def test_every_name_is_there_once() -> None:
    """`mutants.py WORD` would plant another fault than was meant."""
    names = [mutant["name"] for mutant in MUTANTS]
    assert len(names) == len(set(names))
