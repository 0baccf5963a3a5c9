"""What each group of cases is given, and what several of them share."""

import json
import tomllib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from tests.input.case import Tally

T = TypeVar("T")

GOOD = b'run.command = ["true"]\n'


@dataclass(frozen=True, slots=True)
class Means:
    """Where a group works, its chance, and how much of it is wanted.

    `share` is the part of the cases that is thrown: 1 for all, and then for as long as it takes.
    """

    folder: Path
    rng: Random
    share: float

    @property
    def is_whole(self) -> bool:
        """Whether everything is wanted, whatever it takes."""
        return self.share >= 1

    def some(self, cases: Sequence[T]) -> list[T]:
        """Return the share of the cases, drawn by chance, in their order."""
        count = max(1, round(len(cases) * self.share))
        return [cases[it] for it in sorted(self.rng.sample(range(len(cases)), count))]


Group = Callable[[Means], Coroutine[Any, Any, Tally]]


def others(name: str) -> Any:
    """Return a collection of cases that others have made."""
    return json.loads((Path(__file__).parent / "others" / f"{name}.json").read_text("utf-8"))


def table(path: Path) -> list[dict[str, Any]]:
    """Return the cases of a table in TOML."""
    cases: list[dict[str, Any]] = tomllib.loads(path.read_text("utf-8"))["case"]
    return cases
