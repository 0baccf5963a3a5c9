"""Dials: the numbers of a service that nobody publishes, or that differ from account to account."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dial:
    """One number that says how a service behaves."""

    name: str
    summary: str
    default: float


class Dials:
    """Where the dials of one emulator stand."""

    def __init__(self, dials: Iterable[Dial]) -> None:
        self.values = {dial.name: dial.default for dial in dials}

    def __getitem__(self, name: str) -> float:
        """Return what a dial stands at."""
        return self.values[name]

    def set(self, wishes: Mapping[str, object]) -> None:
        """Set some, or none. Raises ValueError, with a text for people, for a bad wish."""
        found = {name: self._checked(name, value) for name, value in wishes.items()}
        self.values |= found

    def _checked(self, name: str, value: object) -> float:
        if name not in self.values:
            there = ", ".join(self.values) or "none for this kind"
            raise ValueError(f"no setting {name!r}; there is {there}")
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise ValueError(f"{name}={value}: expected a number, not below 0")
        return number
