"""One thing to throw at intake, what must become of it, and the count of what did."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Verdict = Literal["accepted", "rejected", "left", "any"]


@dataclass(frozen=True, slots=True)
class Case:
    """Something to lie in the spool under a name.

    `content` is the text of a file, or a function that makes whatever lies at the path it is given.
    `says` stands in the reason of a refusal, or of leaving it; `exactly` are all its lines, where
    "{name}" is the name. `keeps` are keys and a value that the stored spec must hold.
    """

    name: bytes
    content: bytes | Callable[[Path], None]
    verdict: Verdict = "any"
    says: str = ""
    exactly: tuple[str, ...] | None = None
    keeps: tuple[tuple[str | int, ...], Any] | None = None


@dataclass(slots=True)
class Tally:
    """What a group of cases came to; the lists tell of each case that went wrong."""

    group: str
    cases: int = 0
    accepted: int = 0
    rejected: int = 0
    left: int = 0
    lost: list[str] = field(default_factory=list)
    half_read: list[str] = field(default_factory=list)
    crashed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    remark: str = ""

    def add(self, other: "Tally") -> None:
        """Add the counts of another."""
        self.cases += other.cases
        self.accepted += other.accepted
        self.rejected += other.rejected
        self.left += other.left
        self.lost += other.lost
        self.half_read += other.half_read
        self.crashed += other.crashed
        self.wrong += other.wrong

    @property
    def bad(self) -> list[str]:
        """Everything that went wrong, each with its sort."""
        sorts = {
            "lost": self.lost,
            "half-read": self.half_read,
            "crashed": self.crashed,
            "wrong": self.wrong,
        }
        return [f"{sort}: {text}" for sort, texts in sorts.items() for text in texts]

    def __str__(self) -> str:
        remark = f"; {self.remark}" if self.remark else ""
        return (
            f"{self.group:<10} {self.cases:>7} cases: {self.accepted:>6} accepted,"
            f" {self.rejected:>6} rejected, {self.left:>4} left; lost {len(self.lost)},"
            f" half-read {len(self.half_read)}, crashed {len(self.crashed)},"
            f" wrong {len(self.wrong)}{remark}"
        )
